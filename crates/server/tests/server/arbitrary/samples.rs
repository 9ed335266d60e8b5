//! A message of every kind with every field set, made from the description of the contract.

use std::collections::BTreeMap;

use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet, field_descriptor_proto::Type,
};
use strongroom_server::contract::DESCRIPTORS;

/// Messages nest so deep at most: some hold themselves.
const DEPTH: usize = 8;

/// The messages of the contract, and which of them an rpc takes.
pub(super) struct Samples {
    messages: BTreeMap<String, DescriptorProto>,
    requests: BTreeMap<String, String>,
    /// What fields hold that are texts, by the ends of their names, which begin with those of their messages; the first counts.
    texts: Vec<(&'static str, String)>,
}

impl Samples {
    pub(super) fn new(texts: Vec<(&'static str, String)>) -> Self {
        let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
        let (mut messages, mut requests) = (BTreeMap::new(), BTreeMap::new());
        for file in &set.file {
            let package = file.package();
            for message in &file.message_type {
                collect(&format!(".{package}"), message, &mut messages);
            }
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{package}.{}/{}", service.name(), method.name());
                    requests.insert(path, method.input_type().to_owned());
                }
            }
        }
        Self {
            messages,
            requests,
            texts,
        }
    }

    /// What an rpc may be sent; of alternatives the one with this number. None: it is no service of the contract.
    pub(super) fn of(&self, path: &str, variant: usize) -> Option<Vec<u8>> {
        let request = self.requests.get(path)?;
        Some(self.message(request, variant, DEPTH))
    }

    fn message(&self, name: &str, variant: usize, depth: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let message = &self.messages[name];
        for (number, field) in message.field.iter().enumerate() {
            let chosen = field.oneof_index.is_none_or(|oneof| {
                let same = |it: &&FieldDescriptorProto| it.oneof_index == Some(oneof);
                let all = message.field.iter().filter(same).count();
                let before = message.field[..number].iter().filter(same).count();
                before == variant % all
            });
            if chosen && depth > 0 {
                self.field(name, field, variant, depth, &mut bytes);
            }
        }
        bytes
    }

    fn field(
        &self,
        message: &str,
        field: &FieldDescriptorProto,
        variant: usize,
        depth: usize,
        out: &mut Vec<u8>,
    ) {
        let number = u32::try_from(field.number()).unwrap();
        let content = match field.r#type() {
            Type::Message => self.message(field.type_name(), variant, depth - 1),
            Type::String => self.text(message, field.name()).into_bytes(),
            Type::Bytes => [&[0x12, 0x20][..], &[0x5a; 32]].concat(),
            Type::Double | Type::Float | Type::Fixed32 | Type::Fixed64 => return,
            _ => {
                encode_key(number, WireType::Varint, out);
                encode_varint(1 + variant as u64, out);
                return;
            }
        };
        encode_key(number, WireType::LengthDelimited, out);
        encode_varint(content.len() as u64, out);
        out.extend(content);
    }

    fn text(&self, message: &str, field: &str) -> String {
        let name = format!("{message}.{field}");
        let known = self.texts.iter().find(|(end, _)| name.ends_with(end));
        known.map_or_else(|| "text".to_owned(), |(_, text)| text.clone())
    }
}

fn collect(
    outer: &str,
    message: &DescriptorProto,
    messages: &mut BTreeMap<String, DescriptorProto>,
) {
    let name = format!("{outer}.{}", message.name());
    for nested in &message.nested_type {
        collect(&name, nested, messages);
    }
    messages.insert(name, message.clone());
}
