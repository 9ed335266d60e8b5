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

# What is written: the vault's folder and the socket. Volumes come there; nothing else is writable.
mkdir -p "$root/tmp" "$root/var/lib/strongroom" "$root/run/strongroom"
chmod 0700 "$root/var/lib/strongroom"
chmod 0750 "$root/run/strongroom"
chmod 1777 "$root/tmp"
if [ "$(id -u)" = 0 ]; then
    chown "$user:$user" "$root/var/lib/strongroom" "$root/run/strongroom"
fi
