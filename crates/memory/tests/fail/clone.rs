fn main() {
    let secret = strongroom_memory::SecretBytes::zeroed(32);
    let _copy = secret.clone();
}
