use strongroom_config::AwsConfig;
use strongroom_kms_aws::{AwsKms, AwsKmsSettings, Credentials};

pub(super) async fn connect(config: &AwsConfig) -> anyhow::Result<AwsKms> {
    let tags = config.tags.iter();
    let settings = AwsKmsSettings {
        region: config.region.clone(),
        endpoint: config.endpoint.clone(),
        tags: tags
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        multi_region: config.multi_region,
        credentials: if config.rehearsal {
            Credentials::Rehearsal
        } else {
            Credentials::StandardChain
        },
        ..AwsKmsSettings::default()
    };
    Ok(AwsKms::connect(settings).await?)
}
