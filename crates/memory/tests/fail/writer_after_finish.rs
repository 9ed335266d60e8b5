fn main() {
    let mut writer = strongroom_memory::SecretWriter::with_capacity(8);
    let _secret = writer.finish();
    writer.push(b"more");
}
