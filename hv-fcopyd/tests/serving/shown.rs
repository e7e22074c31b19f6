//! What the daemon shows and announces on its bus.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Active, Client, NONE, News, WHATEVER, World};

const IDLE: (&str, u64, u64, u32) = ("", 0, 0, 0);

fn is(active: &Active, expected: (&str, u64, u64, u32)) -> bool {
    (active.0.as_str(), active.1, active.2, active.3) == expected
}

fn micros() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// The next news that tells of no progress.
async fn event(client: &mut Client) -> News {
    loop {
        match client.hears().await {
            News::Active(..) => {}
            news => return news,
        }
    }
}

#[tokio::test]
async fn copy_is_shown_from_its_begin_to_its_end_and_remembered() {
    let (mut world, mut client) = World::with_bus("enabled = true").await;
    assert!(client.property::<bool>("Enabled").await);
    assert_eq!(client.property::<Vec<String>>("Roots").await, [world.path("in").to_str().unwrap()]);
    assert!(is(&client.active().await, IDLE));
    assert_eq!(client.history().await, []);

    let begin = micros();
    let target = world.root("dir/a").display().to_string();
    let start = hv_utils_core::wire::fcopy::Start { size: 8, ..world.what("/dir", "a", WHATEVER) };
    assert_eq!(world.host.start(&start).await, 0);
    assert_eq!(event(&mut client).await, News::Started(target.clone(), 8));
    assert!(is(&client.active().await, (&target, 8, 0, 0)));
    assert_eq!(world.host.write(0, b"abc").await, 0);
    assert!(is(&client.active().await, (&target, 8, 3, 37)));
    assert_eq!(world.host.write(3, b"defgh").await, 0);
    assert!(is(&client.active().await, (&target, 8, 8, 100)));
    assert_eq!(world.host.complete().await, 0);
    assert_eq!(event(&mut client).await, News::Finished(target.clone(), 8, "ok".to_owned()));
    assert!(is(&client.active().await, IDLE));
    let history = client.history().await;
    let [(when, shown, 8, result)] = history.as_slice() else { panic!("{history:?}") };
    assert_eq!((shown, result.as_str()), (&target, "ok"));
    assert!((begin..=micros()).contains(when));
}

#[tokio::test]
async fn begin_and_end_of_a_copy_are_changes_of_active() {
    let (mut world, mut client) = World::with_bus("enabled = true").await;
    let target = world.root("a").display().to_string();
    assert_eq!(world.begin("", "a", NONE).await, 0);
    let mut heard = vec![client.hears().await, client.hears().await];
    assert!(heard.contains(&News::Started(target.clone(), 3)), "{heard:?}");
    assert!(heard.contains(&News::Active((target.clone(), 3, 0, 0))), "{heard:?}");
    assert_eq!(world.host.cancel().await, 0);
    heard = vec![client.hears().await, client.hears().await];
    assert!(heard.contains(&News::Active(Active::default())), "{heard:?}");
    let ended = |news: &News| matches!(news, News::Finished(of, 3, why) if *of == target && why.contains("0x800703e3"));
    assert!(heard.iter().any(ended), "{heard:?}");
}

#[tokio::test]
async fn refusals_are_remembered_each_with_its_status_and_without_a_begin() {
    let (mut world, mut client) = World::with_bus("enabled = true\nmax-file-mib = 1").await;
    let large = hv_utils_core::wire::fcopy::Start { size: 1 << 30, ..world.what("", "large", NONE) };
    assert_eq!(world.begin("/..", "a", NONE).await, 0x8007_0005);
    assert_eq!(world.host.start(&large).await, 0x8007_00df);
    assert_eq!(world.begin("", "a\0b", NONE).await, 0x8007_007b);
    for status in ["0x80070005", "0x800700df", "0x8007007b"] {
        let news = event(&mut client).await;
        assert!(matches!(&news, News::Finished(_, _, why) if why.contains(status)), "{news:?}");
    }
    let history = client.history().await;
    let statuses = ["0x80070005", "0x800700df", "0x8007007b"];
    assert_eq!(history.len(), statuses.len());
    for ((_, _, _, result), status) in history.iter().zip(statuses) {
        assert!(result.contains(status), "{result}");
    }
    assert_eq!(history[1].2, 1 << 30);
    assert!(is(&client.active().await, IDLE));
}

#[tokio::test]
async fn name_that_a_bus_or_a_terminal_would_obey_is_shown_as_text() {
    let (mut world, mut client) = World::with_bus("enabled = true").await;
    assert_eq!(world.copy("", "a\u{1b}[2J\n\u{202e}b", b"abc", NONE).await, 0);
    let News::Started(started, 3) = event(&mut client).await else { panic!("no begin") };
    let shown = world.root("a\\u{1b}[2J\\u{a}\\u{202e}b").display().to_string();
    assert_eq!(started, shown);
    assert_eq!(event(&mut client).await, News::Finished(shown.clone(), 3, "ok".to_owned()));
    assert_eq!(client.history().await[0].1, shown);
}

#[tokio::test]
async fn more_copies_than_are_remembered_push_the_oldest_out() {
    let (mut world, client) = World::with_bus("enabled = true").await;
    for number in 0..70 {
        assert_eq!(world.copy("", &format!("{number}"), b"", NONE).await, 0);
    }
    let history = client.history().await;
    assert_eq!(history.len(), 64);
    assert!(history[0].1.ends_with("/in/6") && history[63].1.ends_with("/in/69"), "{history:?}");
    assert!(history.is_sorted_by_key(|row| row.0));
}

#[tokio::test]
async fn copy_whose_channel_is_lost_is_over_and_the_next_one_comes() {
    let (mut world, mut client) = World::with_bus("enabled = true").await;
    let target = world.root("a").display().to_string();
    assert_eq!(world.begin("", "a", NONE).await, 0);
    assert_eq!(world.host.write(0, b"ab").await, 0);
    assert_eq!(event(&mut client).await, News::Started(target.clone(), 3));
    world.loses_its_host().await;
    let news = event(&mut client).await;
    assert!(
        matches!(&news, News::Finished(of, 3, why) if *of == target && why.contains("0x800703e3")),
        "{news:?}"
    );
    world.is_untouched();
    assert_eq!(world.copy("", "a", b"abc", NONE).await, 0);
}

#[tokio::test]
async fn switched_off_in_the_middle_of_a_copy_nothing_is_left_of_it() {
    let (mut world, mut client) = World::with_bus("enabled = true").await;
    assert_eq!(world.begin("/x", "a", WHATEVER).await, 0);
    assert!(matches!(event(&mut client).await, News::Started(..)));
    world.reload("enabled = false");
    let (mut over, mut off) = (false, false);
    while !(over && off) {
        match event(&mut client).await {
            News::Finished(_, 3, why) => over = why.contains("0x80070032"),
            News::Changed(names) => off = names.contains(&"Enabled".to_owned()),
            news => panic!("{news:?}"),
        }
    }
    world.is_untouched();
    assert!(!client.property::<bool>("Enabled").await);
    assert_eq!(world.host.write(0, b"abc").await, 0x8007_0032);
    assert_eq!(world.host.complete().await, 0x8007_0032);
    assert_eq!(world.begin("", "a", NONE).await, 0x8007_0032);
    assert!(matches!(event(&mut client).await, News::Finished(..)));
    // And on again.
    world.reload("enabled = true");
    assert_eq!(event(&mut client).await, News::Changed(vec!["Enabled".to_owned()]));
    assert_eq!(world.copy("", "a", b"abc", NONE).await, 0);
}

#[tokio::test]
async fn copy_that_takes_long_tells_how_far_it_is() {
    let (mut world, mut client) = World::with_bus("enabled = true").await;
    let target = world.root("a").display().to_string();
    assert_eq!(world.begin("", "a", NONE).await, 0);
    assert_eq!(event(&mut client).await, News::Started(target.clone(), 3));
    assert_eq!(world.host.write(0, b"a").await, 0);
    // At its own pace, which is once a second at most.
    loop {
        match client.hears().await {
            News::Active(active) if active.2 == 0 => {}
            news => break assert_eq!(news, News::Active((target, 3, 1, 33))),
        }
    }
}
