#!/bin/sh
# rootfs.sh PROGRAM FOLDER: assembles the root file system of the container image in FOLDER, which must not be there yet.
#
# What is in it: the program, the shared libraries that it asks for, the public certificates of authorities, an ordinary user.
# No shell, no package manager, and nothing that belongs to a vault: configuration, keys, credentials and certificates are
# brought when it is started.
set -eu
umask 022

program=$1
root=$2
user=65532

if [ -e "$root" ]; then
    echo "rootfs.sh: $root is there already" >&2
    exit 1
fi
mkdir -p "$root/usr/bin" "$root/etc/ssl/certs"
install -m 0755 "$program" "$root/usr/bin/strongroom"

# Each library at its own place, whatever links lead there. The first line of ldd is the kernel's own.
ldd "$program" | while read -r first second third _; do
    case "$first $second" in
        /*) library=$first ;;
        *"=>") library=$third ;;
        *) continue ;;
    esac
    case "$library" in
        /*) ;;
        *)
            echo "rootfs.sh: $first is nowhere" >&2
            exit 1
            ;;
    esac
    install -D -m 0755 "$(readlink -f "$library")" "$root$library"
done
# A failed pipe does not end the script: without a loader nothing would start.
ls "$root"/lib64/ld-linux-* "$root"/lib/ld-linux-* 2>/dev/null | grep -q . || {
    echo "rootfs.sh: no loader was found" >&2
    exit 1
}

install -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
echo "strongroom:x:$user:$user:Strongroom:/var/lib/strongroom:/sbin/nologin" > "$root/etc/passwd"
echo "strongroom:x:$user:" > "$root/etc/group"

# What is written: the vault's folder, its keys, its configuration and the socket. Volumes come there; nothing else is writable.
# The engine gives an empty volume the owner and the mode that stand here.
mkdir -p "$root/tmp" "$root/run/strongroom"
chmod 0750 "$root/run/strongroom"
chmod 1777 "$root/tmp"
mkdir -m 0700 -p "$root/var/lib/strongroom" "$root/var/lib/strongroom-keys" "$root/etc/strongroom"
if [ "$(id -u)" = 0 ]; then
    for folder in var/lib/strongroom var/lib/strongroom-keys etc/strongroom run/strongroom; do
        chown "$user:$user" "$root/$folder"
    done
fi
