use super::*;

fn process(uid: u32) -> Origin {
    Origin::Process(Some(uid))
}

fn network(address: &str) -> Origin {
    Origin::of(&Peer::Network {
        address: format!("{address}:1").parse().unwrap(),
        certificate: Arc::default(),
    })
}

#[test]
fn an_address_of_ipv6_stands_for_its_network_and_a_mapped_one_for_that_of_ipv4() {
    assert_eq!(network("[2001:db8::1]"), network("[2001:db8::ffff:2]"));
    assert_ne!(network("[2001:db8::1]"), network("[2001:db8:0:1::1]"));
    assert_eq!(network("[::ffff:192.0.2.1]"), network("192.0.2.1"));
    assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
}

#[tokio::test]
async fn whoever_has_its_share_gets_a_place_by_cutting_its_own_that_is_idle() {
    let slots = Slots::new(10, 2);
    let (first, second) = (slots.take(process(1)).await, slots.take(process(1)).await);
    let (first, second) = (first.unwrap(), second.unwrap());
    let other = slots.take(process(2)).await.unwrap();
    first.connection.is_known();
    let working = first.connection.calls();
    let third = slots.take(process(1)).await.unwrap();
    assert!(second.connection.cut.is_cancelled(), "the idle one goes");
    assert!(!first.connection.cut.is_cancelled() && !other.connection.cut.is_cancelled());
    third.connection.is_known();
    let also_working = third.connection.calls();
    assert!(slots.take(process(1)).await.is_none());
    drop((working, also_working));
    assert!(slots.take(process(1)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn when_all_slots_are_taken_strangers_go_first_and_then_who_rests_for_longest() {
    let slots = Slots::new(3, 3);
    let take = async |uid| slots.take(process(uid)).await.unwrap();
    let (early, late) = (take(1).await, take(2).await);
    early.connection.is_known();
    late.connection.is_known();
    let call = late.connection.calls();
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(call);
    let stranger = take(3).await;
    let next = take(4).await;
    assert!(stranger.connection.cut.is_cancelled());
    next.connection.is_known();
    let _last = take(5).await;
    assert!(early.connection.cut.is_cancelled());
    assert!(!late.connection.cut.is_cancelled() && !next.connection.cut.is_cancelled());
    // Whose slot was taken over has none to give back.
    drop((stranger, early));
    assert_eq!(slots.0.taken.lock().connections.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn while_everybody_works_the_next_waits_until_somebody_goes_or_rests() {
    let slots = Slots::new(2, 2);
    let first = slots.take(process(1)).await.unwrap();
    let second = slots.take(process(2)).await.unwrap();
    first.connection.is_known();
    second.connection.is_known();
    let (one, two) = (first.connection.calls(), second.connection.calls());
    let waits = tokio::spawn({
        let slots = slots.clone();
        async move { slots.take(process(3)).await.is_some() }
    });
    tokio::time::sleep(LOOK_EVERY * 10).await;
    assert!(!waits.is_finished());
    drop(one);
    assert!(waits.await.unwrap());
    assert!(first.connection.cut.is_cancelled());
    drop((second, two));
    assert!(slots.take(process(4)).await.is_some());
}

#[tokio::test]
async fn calls_of_strangers_keep_no_slot_and_are_so_many_until_they_are_known() {
    let slots = Slots::new(2, 2);
    let stranger = slots.take(process(1)).await.unwrap();
    let mut watches = Vec::new();
    while stranger.connection.may_ask() {
        watches.push(stranger.connection.calls());
    }
    assert_eq!(watches.len(), MOST_OF_STRANGER + 1);
    let known = slots.take(process(2)).await.unwrap();
    let _watch = known.connection.calls();
    known.connection.is_known();
    let _next = slots.take(process(3)).await.unwrap();
    assert!(stranger.connection.cut.is_cancelled());
    assert!(!known.connection.cut.is_cancelled());
    stranger.connection.is_known();
    assert!(stranger.connection.may_ask());
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_nothing_of_its_answers_for_long_enough_stops_reading_and_others_do_not() {
    let limit = Duration::from_secs(120);
    let slots = Slots::new(10, 10);
    let slot = slots.take(process(1)).await.unwrap();
    let connection = &slot.connection;
    let stops = || tokio::time::timeout(limit * 5, connection.stops_reading(limit));
    assert!(stops().await.is_err(), "nothing is there for it");
    // A piece that is taken slowly, as long as some of it is.
    connection.waits();
    let reads = async {
        for _byte in 0..20 {
            tokio::time::sleep(limit / 2).await;
            connection.takes();
        }
    };
    tokio::select! {
        () = connection.stops_reading(limit) => panic!("it reads"),
        () = reads => {}
    }
    let began = Instant::now();
    connection.stops_reading(limit).await;
    assert!(began.elapsed() <= 2 * limit);
    connection.waits_no_more();
    assert!(stops().await.is_err(), "it has taken everything");
}

#[tokio::test(start_paused = true)]
async fn a_connection_rests_only_when_its_large_answers_have_gone_out_too() {
    let slots = Slots::new(1, 1);
    let slot = slots.take(process(1)).await.unwrap();
    let connection = &slot.connection;
    connection.is_known();
    let call = connection.calls();
    connection.waits();
    drop(call);
    assert_eq!(connection.idle_since(), None);
    assert!(slots.try_take(process(1)).is_err(), "it was cut");
    tokio::time::advance(Duration::from_secs(60)).await;
    connection.waits_no_more();
    assert_eq!(connection.idle_since(), Some(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_nothing_of_an_answer_that_should_have_ended_stops_reading() {
    let limit = Duration::from_secs(120);
    let slots = Slots::new(10, 10);
    let slot = slots.take(process(1)).await.unwrap();
    let connection = &slot.connection;
    let stops = || tokio::time::timeout(limit * 5, connection.stops_reading(limit));
    drop(connection.expires(Instant::now()));
    assert!(stops().await.is_err(), "it has ended");
    let later = connection.expires(Instant::now() + limit * 20);
    assert!(stops().await.is_err(), "it need not end yet");
    let works = connection.expires(Instant::now());
    works.is_asked(false);
    assert!(stops().await.is_err(), "it has nothing to give yet");
    // A large answer that was begun before is taken slowly.
    let expiry = connection.expires(Instant::now());
    let reads = async {
        for _piece in 0..20 {
            tokio::time::sleep(limit / 2).await;
            expiry.is_asked(true);
        }
    };
    tokio::select! {
        () = connection.stops_reading(limit) => panic!("it reads"),
        () = reads => {}
    }
    let began = Instant::now();
    connection.stops_reading(limit).await;
    assert!(began.elapsed() <= 2 * limit);
    drop((expiry, later, works));
    assert!(stops().await.is_err(), "all have ended");
}
