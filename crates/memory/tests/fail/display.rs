fn main() {
    let secret = strongroom_memory::SecretBytes::zeroed(32);
    println!("{secret}");
}
