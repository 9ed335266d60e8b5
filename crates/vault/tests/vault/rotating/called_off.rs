//! A rotation that somebody calls off: at every place where it tells of itself it stops, and another call goes on from there.

use strongroom_store::Sealing;
use strongroom_vault::{Recall, RotationProgress, RotationRequest};

use super::{Estate, rotate};
use crate::house::{caller, code};

#[tokio::test]
async fn called_off_after_any_commit_a_rotation_stops_there_and_is_resumed() {
    for after in 1.. {
        let estate = Estate::new(Sealing::DataKey).await;
        let vault = estate.house.open().await;
        let (recall, told) = (Recall::default(), std::sync::Mutex::new(Vec::new()));
        let tell = |progress: RotationProgress| {
            let mut told = told.lock().unwrap();
            told.push(progress.moved);
            if told.len() == after {
                recall.call_off();
            }
        };
        let request = RotationRequest::default();
        let caller = caller();
        let rotating = vault.rotate_wrapper_key(&caller, &request, &tell);
        let outcome = recall.governs(rotating).await;
        let told = told.into_inner().unwrap();
        if told.len() < after {
            outcome.unwrap();
            assert!(after > 5, "{told:?}");
            tell!("called off at {} places", after - 1);
            return;
        }
        assert_eq!(code(outcome), "CALLED_OFF");
        assert_eq!(told.len(), after, "it went on");
        assert!(vault.wrapper_key_rotation().is_some(), "{told:?}");
        let vault = estate.check(vault, &estate.house, "called off").await;
        rotate(&vault).await.unwrap();
        assert_eq!(vault.wrapper_key_rotation(), None);
        estate.check(vault, &estate.house, "resumed").await;
    }
}
