//! `topology graph`.

use std::{collections::BTreeSet, process::ExitCode};

use clap::{Args, ValueEnum};
use serde::Serialize;
use strongroom_crypto::Fingerprint;
use strongroom_files::Access;
use strongroom_topology::Namespace;
use strongroom_vault::Vault;

use super::args::{AtArg, StoreArg, check_known};
use crate::{
    args::{Format, Global},
    client::Client,
    graph::{Graph, KeyLabel, svg, write_dot, write_tree},
    input::{Destination, Encoding},
    output,
};

/// Draw namespaces, who may sign for them, and the keys of nodes and parties.
///
/// A key hangs on one that signed its delegation; one that nobody authorized has signed dangles, and may sign nothing. With
/// --output json the drawing's contents are printed, unless it goes to a file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology graph\n  \
    strongroom topology graph --format svg --out topology.svg\n  \
    strongroom topology graph --format dot | dot -Tpdf > topology.pdf\n  \
    strongroom topology graph --store synchronizer:da::1220...::34-0 \\\n    --namespace 1220... --output json")]
pub(crate) struct Options {
    #[command(flatten)]
    store: StoreArg,
    /// Only this namespace; may be given more than once.
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Vec<Namespace>,
    #[command(flatten)]
    at: AtArg,
    /// A text tree, the language of Graphviz, or an SVG drawing.
    #[arg(long, value_enum, default_value_t = Drawing::Tree)]
    format: Drawing,
    #[command(flatten)]
    destination: Destination,
}

/// The form of the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Drawing {
    /// For the terminal.
    Tree,
    /// For Graphviz.
    Dot,
    /// For a browser.
    Svg,
}

#[derive(Serialize)]
struct Written {
    file: String,
    namespaces: usize,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let destination = &options.destination;
    // Text, whatever the form.
    destination.check(Encoding::Hex)?;
    let client = Client::open(global).await?;
    let labels = client.labels().await?;
    let store = client.topology(&options.store.store).await?;
    let wanted: BTreeSet<_> = options.namespace.iter().cloned().collect();
    let known = check_known(&store, &wanted);
    let labels = |key: &Fingerprint| labels.of(key);
    let graph = Graph {
        store: options.store.store.to_string(),
        at: options.at.time().map(output::moment),
        namespaces: Graph::of(&store, options.at.at(), &wanted, &labels),
    };
    drop(store);
    client.close().await;
    known?;
    if !destination.is_stdout() {
        destination.write(&drawn(&graph, options.format)?, Access::Readable)?;
        let written = Written {
            file: destination.out.display().to_string(),
            namespaces: graph.namespaces.len(),
        };
        output::print(global.output, &written, |out| {
            writeln!(out, "wrote {}", written.file)
        })?;
    } else if global.output == Format::Json {
        output::print(global.output, &graph, |_table| Ok(()))?;
    } else {
        output::write(&drawn(&graph, options.format)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn drawn(graph: &Graph, drawing: Drawing) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    match drawing {
        Drawing::Tree => write_tree(graph, &mut text)?,
        Drawing::Dot => write_dot(graph, &mut text)?,
        Drawing::Svg => text = svg(graph).into_bytes(),
    }
    Ok(text)
}

/// What the vault knows of a key.
pub(crate) fn label(vault: &Vault, key: &Fingerprint) -> KeyLabel {
    let Ok(entry) = vault.key(key) else {
        return KeyLabel::default();
    };
    KeyLabel {
        name: entry.name.as_ref().map(|name| name.as_str().to_owned()),
        private_key: entry.private.as_ref().map(|private| private.state.name()),
    }
}
