fn main() {
    let secret = strongroom_memory::SecretBytes::zeroed(32);
    let _bytes: &[u8] = secret.as_ref();
}
