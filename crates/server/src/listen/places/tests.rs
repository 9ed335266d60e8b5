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
    let places = Places::new(10, 2);
    let (first, second) = (places.take(process(1)).await, places.take(process(1)).await);
    let (first, second) = (first.unwrap(), second.unwrap());
    let other = places.take(process(2)).await.unwrap();
    first.guest.is_known();
    let working = first.guest.calls();
    let third = places.take(process(1)).await.unwrap();
    assert!(second.guest.cut.is_cancelled(), "the idle one goes");
    assert!(!first.guest.cut.is_cancelled() && !other.guest.cut.is_cancelled());
    third.guest.is_known();
    let also_working = third.guest.calls();
    assert!(places.take(process(1)).await.is_none());
    drop((working, also_working));
    assert!(places.take(process(1)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn when_all_places_are_taken_strangers_go_first_and_then_who_rests_for_longest() {
    let places = Places::new(3, 3);
    let take = async |uid| places.take(process(uid)).await.unwrap();
    let (early, late) = (take(1).await, take(2).await);
    early.guest.is_known();
    late.guest.is_known();
    let call = late.guest.calls();
    tokio::time::advance(Duration::from_secs(1)).await;
    drop(call);
    let stranger = take(3).await;
    let next = take(4).await;
    assert!(stranger.guest.cut.is_cancelled());
    next.guest.is_known();
    let _last = take(5).await;
    assert!(early.guest.cut.is_cancelled());
    assert!(!late.guest.cut.is_cancelled() && !next.guest.cut.is_cancelled());
    // Whose place was taken over has none to give back.
    drop((stranger, early));
    assert_eq!(places.0.taken.lock().guests.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn while_everybody_works_the_next_waits_until_somebody_goes_or_rests() {
    let places = Places::new(2, 2);
    let first = places.take(process(1)).await.unwrap();
    let second = places.take(process(2)).await.unwrap();
    first.guest.is_known();
    second.guest.is_known();
    let (one, two) = (first.guest.calls(), second.guest.calls());
    let waits = tokio::spawn({
        let places = places.clone();
        async move { places.take(process(3)).await.is_some() }
    });
    tokio::time::sleep(LOOK_EVERY * 10).await;
    assert!(!waits.is_finished());
    drop(one);
    assert!(waits.await.unwrap());
    assert!(first.guest.cut.is_cancelled());
    drop((second, two));
    assert!(places.take(process(4)).await.is_some());
}

#[tokio::test]
async fn calls_of_strangers_keep_no_place_and_are_so_many_until_they_are_known() {
    let places = Places::new(2, 2);
    let stranger = places.take(process(1)).await.unwrap();
    let mut watches = Vec::new();
    while stranger.guest.may_ask() {
        watches.push(stranger.guest.calls());
    }
    assert_eq!(watches.len(), MOST_OF_STRANGER + 1);
    let known = places.take(process(2)).await.unwrap();
    let _watch = known.guest.calls();
    known.guest.is_known();
    let _next = places.take(process(3)).await.unwrap();
    assert!(stranger.guest.cut.is_cancelled());
    assert!(!known.guest.cut.is_cancelled());
    stranger.guest.is_known();
    assert!(stranger.guest.may_ask());
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_nothing_of_its_answers_for_long_enough_stops_reading_and_others_do_not() {
    let limit = Duration::from_secs(120);
    let places = Places::new(10, 10);
    let place = places.take(process(1)).await.unwrap();
    let guest = &place.guest;
    let stops = || tokio::time::timeout(limit * 5, guest.stops_reading(limit));
    assert!(stops().await.is_err(), "nothing is there for it");
    // A piece that is taken slowly, as long as some of it is.
    guest.waits();
    let reads = async {
        for _byte in 0..20 {
            tokio::time::sleep(limit / 2).await;
            guest.takes();
        }
    };
    tokio::select! {
        () = guest.stops_reading(limit) => panic!("it reads"),
        () = reads => {}
    }
    let began = Instant::now();
    guest.stops_reading(limit).await;
    assert!(began.elapsed() <= 2 * limit);
    guest.waits_no_more();
    assert!(stops().await.is_err(), "it has taken everything");
}
