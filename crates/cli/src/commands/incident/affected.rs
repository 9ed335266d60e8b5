//! What an incident affects, as it is shown.

use serde::Serialize;
use strongroom_store::KeyState;
use strongroom_vault::{
    Affected, AffectedBackup, AffectedKey, AffectedRoot, AffectedWrapperKey, SealedUnder,
};

use crate::output;

/// What is affected.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AffectedView {
    Key(KeyView),
    WrapperKey(WrapperKeyView),
    Root(RootView),
}

#[derive(Serialize)]
pub(super) struct KeyView {
    fingerprint: String,
    name: Option<String>,
    spec: &'static str,
    /// What it signs; none: it decrypts.
    usage: Option<String>,
    role: &'static str,
    announced: Vec<String>,
    since: String,
    /// None: the private half is not here.
    private: Option<PrivateView>,
    backups: Vec<BackupView>,
    exports: Vec<ExportView>,
    rotation_under_way: bool,
}

#[derive(Serialize)]
struct PrivateView {
    custody: &'static str,
    state: &'static str,
    exposed: bool,
    kms: Option<String>,
    wrapper_key_id: Option<String>,
}

#[derive(Serialize)]
struct BackupView {
    id: String,
    created_at: String,
    verified_at: Option<String>,
}

#[derive(Serialize)]
struct ExportView {
    at: String,
    caller: String,
}

#[derive(Serialize)]
pub(super) struct WrapperKeyView {
    kms: String,
    wrapper_key_id: String,
    offline: bool,
    wraps: Vec<WrapView>,
    other_wrapper_keys: Vec<OtherView>,
    sealed_keys: Vec<SealedView>,
    clear_keys: usize,
    keys_held_by_kms: usize,
    backups: Vec<BackupView>,
    rotation_under_way: bool,
}

#[derive(Serialize)]
struct WrapView {
    data_key: String,
    wrapped_at: String,
    in_use: bool,
}

#[derive(Serialize)]
struct OtherView {
    kms: String,
    wrapper_key_id: String,
}

#[derive(Serialize)]
struct SealedView {
    fingerprint: String,
    name: Option<String>,
    role: &'static str,
    state: &'static str,
    direct: bool,
    copy: bool,
}

#[derive(Serialize)]
pub(super) struct RootView {
    namespace: String,
    root_key: String,
    member: String,
    root_is_here: bool,
    /// What the vault knows of the root key; none if it never was here.
    key: Option<KeyView>,
    delegates: Vec<String>,
    node_keys: Vec<String>,
    parties: Vec<String>,
    synchronizers: Vec<String>,
}

impl AffectedView {
    pub(super) fn of(affected: &Affected) -> Self {
        match affected {
            Affected::Key(key) => Self::Key(KeyView::of(key)),
            Affected::WrapperKey(key) => Self::WrapperKey(WrapperKeyView::of(key)),
            Affected::Root(root) => Self::Root(RootView::of(root)),
        }
    }

    /// Name and value, for people.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Key(key) => key.lines(),
            Self::WrapperKey(key) => key.lines(),
            Self::Root(root) => root.lines(),
        }
    }
}

impl KeyView {
    fn of(key: &AffectedKey) -> Self {
        let private = key.private.as_ref().map(|half| PrivateView {
            custody: half.custody.name(),
            state: state(half.state),
            exposed: half.exposed,
            kms: half.kms.clone(),
            wrapper_key_id: half.wrapper_key_id.clone(),
        });
        let exports = key.exports.iter().map(|export| ExportView {
            at: output::moment(export.at),
            caller: export.caller.clone(),
        });
        Self {
            fingerprint: key.fingerprint.to_string(),
            name: key.name.as_ref().map(ToString::to_string),
            spec: key.spec.name(),
            usage: key.usages.map(|usages| usages.to_string()),
            role: key.role.name(),
            announced: key.announced.clone(),
            since: output::moment(key.since),
            private,
            backups: backups(&key.backups),
            exports: exports.collect(),
            rotation_under_way: key.rotating,
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let name = self.name.as_ref().map(|name| format!(" ({name})"));
        let does = match &self.usage {
            Some(usage) => format!("{}, signs: {usage}", self.spec),
            None => format!("{}, decrypts", self.spec),
        };
        let mut lines = vec![
            (
                "key",
                format!("{}{}", self.fingerprint, name.unwrap_or_default()),
            ),
            ("what it does", does),
            ("in the vault since", self.since.clone()),
            ("announced", listed(&self.announced)),
        ];
        let private = match &self.private {
            None => "not in this vault".to_owned(),
            Some(half) => {
                let place = match (&half.kms, &half.wrapper_key_id) {
                    (Some(kms), None) => format!(", held by {kms}"),
                    (Some(kms), Some(_)) => format!(", held by {kms}, with a sealed copy here"),
                    (None, Some(id)) => format!(", opened by wrapper key {id}"),
                    (None, None) => String::new(),
                };
                let exposed = if half.exposed { ", exposed" } else { "" };
                format!("{}, {}{place}{exposed}", half.custody, half.state)
            }
        };
        lines.push(("private half", private));
        lines.push(("in backups", listed_backups(&self.backups)));
        if self.rotation_under_way {
            lines.push(("rotation", "under way".to_owned()));
        }
        for export in &self.exports {
            lines.push(("exported", format!("{} by {}", export.at, export.caller)));
        }
        lines
    }
}

impl WrapperKeyView {
    fn of(key: &AffectedWrapperKey) -> Self {
        let wraps = key.wraps.iter().map(|wrap| WrapView {
            data_key: wrap.data_key.to_string(),
            wrapped_at: output::moment(wrap.created_at),
            in_use: wrap.in_use,
        });
        let others = key.others.iter().map(|(kms, id)| OtherView {
            kms: kms.clone(),
            wrapper_key_id: id.clone(),
        });
        Self {
            kms: key.kms.clone(),
            wrapper_key_id: key.wrapper_key_id.clone(),
            offline: key.offline,
            wraps: wraps.collect(),
            other_wrapper_keys: others.collect(),
            sealed_keys: key.sealed.iter().map(SealedView::of).collect(),
            clear_keys: key.clear_keys,
            keys_held_by_kms: key.held_keys,
            backups: backups(&key.backups),
            rotation_under_way: key.rotation_under_way,
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let offline = if self.offline { ", kept offline" } else { "" };
        let mut lines = vec![(
            "wrapper key",
            format!("{} of {}{offline}", self.wrapper_key_id, self.kms),
        )];
        for wrap in &self.wraps {
            let use_ = if wrap.in_use {
                "in use"
            } else {
                "retired, for backups"
            };
            let told = format!(
                "data key {} since {}, {use_}",
                wrap.data_key, wrap.wrapped_at
            );
            lines.push(("wraps", told));
        }
        for other in &self.other_wrapper_keys {
            let told = format!("{} of {}", other.wrapper_key_id, other.kms);
            lines.push(("opened also by", told));
        }
        for key in &self.sealed_keys {
            let name = key.name.as_ref().map(|name| format!(" ({name})"));
            let copy = if key.copy { ", a copy" } else { "" };
            let told = format!(
                "{}{}, {}, {}{copy}",
                key.fingerprint,
                name.unwrap_or_default(),
                key.role,
                key.state
            );
            lines.push(("opens", told));
        }
        if self.clear_keys > 0 {
            lines.push(("stored readable", counted(self.clear_keys)));
        }
        if self.keys_held_by_kms > 0 {
            let told = format!("{} that a KMS holds", counted(self.keys_held_by_kms));
            lines.push(("does not open", told));
        }
        lines.push(("opens backups", listed_backups(&self.backups)));
        if self.rotation_under_way {
            lines.push(("rotation", "under way".to_owned()));
        }
        lines
    }
}

impl SealedView {
    fn of(key: &SealedUnder) -> Self {
        Self {
            fingerprint: key.fingerprint.to_string(),
            name: key.name.as_ref().map(ToString::to_string),
            role: key.role.name(),
            state: state(key.state),
            direct: key.direct,
            copy: key.copy,
        }
    }
}

impl RootView {
    fn of(root: &AffectedRoot) -> Self {
        let texts = |keys: &[strongroom_crypto::Fingerprint]| {
            keys.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        Self {
            namespace: root.namespace.to_string(),
            root_key: root.root.to_string(),
            member: root.member.clone(),
            root_is_here: root.root_is_here,
            key: root.key.as_deref().map(KeyView::of),
            delegates: texts(&root.delegates),
            node_keys: texts(&root.node_keys),
            parties: root.parties.clone(),
            synchronizers: root.synchronizers.iter().map(ToString::to_string).collect(),
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("namespace", self.namespace.clone()),
            ("node", self.member.clone()),
        ];
        match &self.key {
            None => lines.push(("root key", "not in this vault".to_owned())),
            Some(key) => lines.extend(key.lines()),
        }
        lines.push(("also signs", listed(&self.delegates)));
        lines.push(("node's keys", listed(&self.node_keys)));
        lines.push(("parties", listed(&self.parties)));
        lines.push(("synchronizers", listed(&self.synchronizers)));
        lines
    }
}

const fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Active => "active",
        KeyState::Retired => "retired",
    }
}

fn backups(backups: &[AffectedBackup]) -> Vec<BackupView> {
    let views = backups.iter().map(|backup| BackupView {
        id: backup.id.to_string(),
        created_at: output::moment(backup.created_at),
        verified_at: backup.verified_at.map(output::moment),
    });
    views.collect()
}

fn listed_backups(backups: &[BackupView]) -> String {
    let named = backups.iter();
    let named = named.map(|backup| format!("{} of {}", backup.id, backup.created_at));
    listed(&named.collect::<Vec<_>>())
}

fn listed(texts: &[String]) -> String {
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(", ")
    }
}

fn counted(keys: usize) -> String {
    output::counted(keys, "key")
}
