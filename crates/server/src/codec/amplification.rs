//! Messages that swell: of very many items that are next to nothing each takes a hundred times its bytes in memory.
//!
//! What makes a message large is what it repeats: messages, texts and bytes in lists, at any depth. They are counted in the encoded
//! bytes, by the description of the contract, before anything is made of them. What an item is really about, a key, a hash, the name of
//! a member, takes more bytes than are asked for here.

use std::{collections::HashMap, sync::LazyLock};

use prost::{
    Message as _,
    encoding::{WireType, decode_key, decode_varint},
};
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use crate::contract::DESCRIPTORS;

/// A message may have so many items whatever they are: as many as a batch of signatures.
const FEW: usize = 4096;

/// Beyond, each item has so many bytes of the message.
const BYTES_OF_ITEM: usize = 32;

/// An item takes so many bytes at least: a field, and that it is empty.
const LEAST: usize = 2;

/// Deeper than prost reads.
const DEPTH: usize = 101;

/// Whether a request has more items than its bytes make likely. Nothing is looked at that cannot have.
pub(super) fn has_too_many_items(package: &str, name: &str, bytes: &[u8]) -> bool {
    if bytes.len() / LEAST <= FEW {
        return false;
    }
    let Some(shape) = SHAPES.of(package, name) else {
        return false;
    };
    let mut left = FEW + bytes.len() / BYTES_OF_ITEM;
    SHAPES.count(shape, bytes, &mut left, DEPTH).is_none()
}

static SHAPES: LazyLock<Shapes> = LazyLock::new(Shapes::of_the_contract);

/// The messages of the contract, as far as it matters what they repeat.
struct Shapes {
    /// Requests, by package and name.
    requests: HashMap<String, HashMap<String, usize>>,
    messages: Vec<Shape>,
}

/// The fields of a message that repeat something, or have something in them that may: few, so they are looked through.
#[derive(Default)]
struct Shape(Vec<Field>);

struct Field {
    number: u32,
    is_repeated: bool,
    /// None for text and bytes.
    message: Option<usize>,
}

impl Shapes {
    fn of_the_contract() -> Self {
        // It is what the compiler made: a test reads it.
        let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
        let (mut numbers, mut described) = (HashMap::new(), Vec::new());
        for file in &set.file {
            for message in &file.message_type {
                let outer = format!(".{}", file.package());
                collect(&outer, message, &mut numbers, &mut described);
            }
        }
        let shape = |message: &&DescriptorProto| {
            let fields = message.field.iter().filter_map(|field| {
                let message = match field.r#type() {
                    Type::Message => Some(*numbers.get(field.type_name())?),
                    Type::String | Type::Bytes => None,
                    _ => return None,
                };
                let is_repeated = field.label() == Label::Repeated;
                let number = u32::try_from(field.number()).ok()?;
                let field = Field {
                    number,
                    is_repeated,
                    message,
                };
                (is_repeated || message.is_some()).then_some(field)
            });
            Shape(fields.collect())
        };
        let mut requests: HashMap<_, HashMap<_, _>> = HashMap::new();
        for method in set
            .file
            .iter()
            .flat_map(|file| &file.service)
            .flat_map(|service| &service.method)
        {
            let full = method.input_type();
            let split = full.trim_start_matches('.').rsplit_once('.');
            if let (Some((package, name)), Some(number)) = (split, numbers.get(full)) {
                let of_package = requests.entry(package.to_owned()).or_default();
                of_package.insert(name.to_owned(), *number);
            }
        }
        Self {
            requests,
            messages: described.iter().map(shape).collect(),
        }
    }

    fn of(&self, package: &str, name: &str) -> Option<&Shape> {
        let number = self.requests.get(package)?.get(name)?;
        self.messages.get(*number)
    }

    /// Takes the items of a message from those that are left; none: they were not enough. What is no message ends it: whoever
    /// reads it finds out.
    fn count(&self, shape: &Shape, mut bytes: &[u8], left: &mut usize, depth: usize) -> Option<()> {
        let deeper = depth.checked_sub(1);
        while let Some((number, content)) = next_field(&mut bytes) {
            let Some(field) = shape.0.iter().find(|field| field.number == number) else {
                continue;
            };
            if field.is_repeated {
                *left = left.checked_sub(1)?;
            }
            let inner = field.message.and_then(|number| self.messages.get(number));
            if let (Some(inner), Some(deeper)) = (inner, deeper) {
                self.count(inner, content, left, deeper)?;
            }
        }
        Some(())
    }
}

/// Names messages, those in others too, and numbers them.
fn collect<'d>(
    outer: &str,
    message: &'d DescriptorProto,
    numbers: &mut HashMap<String, usize>,
    described: &mut Vec<&'d DescriptorProto>,
) {
    let name = format!("{outer}.{}", message.name());
    for nested in &message.nested_type {
        collect(&name, nested, numbers, described);
    }
    numbers.insert(name, described.len());
    described.push(message);
}

/// The next field that has a length, and what is in it. Groups are as if they were not: whoever reads them skips them, and goes on
/// behind them.
fn next_field<'b>(bytes: &mut &'b [u8]) -> Option<(u32, &'b [u8])> {
    while !bytes.is_empty() {
        let (number, kind) = decode_key(bytes).ok()?;
        match kind {
            WireType::Varint => drop(decode_varint(bytes).ok()?),
            WireType::SixtyFourBit => *bytes = bytes.get(8..)?,
            WireType::ThirtyTwoBit => *bytes = bytes.get(4..)?,
            WireType::StartGroup | WireType::EndGroup => {}
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                *bytes = rest;
                return Some((number, content));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
