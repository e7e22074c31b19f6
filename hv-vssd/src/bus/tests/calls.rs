//! What callers ask gets to the service, and its answers to them; nobody can keep out who wants to thaw.

use std::time::Duration;

use hv_utils_core::bus::Error;

use super::*;
use crate::plan::{Device, Entry, Verdict};

fn entry(mount: &str, order: &str, verdict: Verdict) -> Entry {
    Entry {
        mount: mount.into(),
        also: Vec::new(),
        kind: "ext4".to_owned(),
        source: "/dev/sda1".to_owned(),
        device: Device { major: 8, minor: 1 },
        mount_id: 30,
        level: 0,
        order: order.to_owned(),
        verdict,
        at_risk: false,
    }
}

#[tokio::test]
async fn plan_is_what_the_service_says() {
    let Some(mut setup) = Setup::start("plan_is_what_the_service_says").await else { return };
    let client = setup.client.clone();
    let asking = call(&client, "Plan", &());
    let answering = async {
        let Some(Ask::Plan(answer)) = setup.desk.asks.recv().await else { panic!("another question") };
        let entries = [
            entry("/srv", "before / where it is mounted", Verdict::Freeze),
            entry("/proc", "", Verdict::Skip("the kernel's own".to_owned())),
            entry("/mnt", "", Verdict::Fail("it has no freeze".to_owned())),
        ];
        answer.send(Ok(entries.iter().map(PlanRow::from).collect())).unwrap();
    };
    let (reply, ()) = tokio::join!(asking, answering);
    let body = reply.unwrap().body();
    assert_eq!(body.signature().to_string(), "a(ssss)");
    let rows: Vec<(String, String, String, String)> = body.deserialize().unwrap();
    let row = |mount: &str, verdict: &str, reason: &str| {
        (mount.to_owned(), "ext4".to_owned(), verdict.to_owned(), reason.to_owned())
    };
    let expected = [
        row("/srv", "freeze", "before / where it is mounted"),
        row("/proc", "skip", "the kernel's own"),
        row("/mnt", "fail", "it has no freeze"),
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn freeze_says_for_how_long_and_ends_when_it_is_answered() {
    let Some(mut setup) = Setup::start("freeze_says_for_how_long_and_ends_when_it_is_answered").await else {
        return;
    };
    let client = setup.client.clone();
    for (written, meant) in [(0_u32, None), (30, Some(30)), (u32::MAX, Some(u64::from(u32::MAX)))] {
        let answering = async {
            let Some(Ask::Freeze { time, answer }) = setup.desk.asks.recv().await else {
                panic!("another question")
            };
            assert_eq!(time, meant.map(Duration::from_secs));
            answer.send(Ok(())).unwrap();
        };
        let (reply, ()) = tokio::join!(call(&client, "Freeze", &written), answering);
        assert_eq!(reply.unwrap().body().signature().to_string(), "");
    }
}

#[tokio::test]
async fn errors_of_the_service_are_the_callers() {
    let Some(mut setup) = Setup::start("errors_of_the_service_are_the_callers").await else { return };
    let client = setup.client.clone();
    for error in [
        Error::Busy("another".to_owned()),
        Error::NotFrozen("nothing".to_owned()),
        Error::Failed("/srv (xfs): no".to_owned()),
        Error::NotSupported("the kernel".to_owned()),
    ] {
        let answering = async {
            match setup.desk.asks.recv().await.unwrap() {
                Ask::Thaw(answer) | Ask::Freeze { answer, .. } => answer.send(Err(error.clone())).unwrap(),
                Ask::Plan(_) => panic!("another question"),
            }
        };
        let (told, ()) = tokio::join!(call(&client, "Thaw", &()), answering);
        let told = told.unwrap_err();
        let name = zbus::DBusError::name(&error).to_string();
        assert!(told.contains(&name) && told.contains(&error.to_string()), "{told}");
    }
}

#[tokio::test]
async fn while_a_freeze_is_under_way_everything_else_is_answered() {
    let Some(mut setup) = Setup::start("while_a_freeze_is_under_way_everything_else_is_answered").await
    else {
        return;
    };
    let freezing = tokio::spawn({
        let client = setup.client.clone();
        async move { call(&client, "Freeze", &0_u32).await }
    });
    let Some(Ask::Freeze { answer, .. }) = setup.desk.asks.recv().await else { panic!("another question") };
    setup.desk.shown.send_replace(Shown { state: ShownState::Freezing, ..Shown::default() });
    let proxy = setup.proxy().await;
    assert_eq!(proxy.get_property::<String>("State").await.unwrap(), "freezing");
    setup.call("History", &()).await.unwrap();
    let client = setup.client.clone();
    let (reply, asked) = tokio::join!(call(&client, "Thaw", &()), setup.agree());
    assert_eq!((reply.is_ok(), asked), (true, "thaw"));
    let told = setup.call("Freeze", &0_u32).await.unwrap_err();
    assert!(told.contains("org.hvutils.Error.Busy"), "{told}");
    answer.send(Err(Error::Failed("thawed before it was frozen".to_owned()))).unwrap();
    assert!(freezing.await.unwrap().unwrap_err().contains("thawed before it was frozen"));
}

#[tokio::test]
async fn those_who_ask_for_the_plan_cannot_keep_out_a_thaw() {
    let Some(mut setup) = Setup::start("those_who_ask_for_the_plan_cannot_keep_out_a_thaw").await else {
        return;
    };
    let mut plans = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let client = setup.client.clone();
        plans.spawn(async move { call(&client, "Plan", &()).await });
    }
    // All but four are told at once, while nobody answers.
    for _ in 0..96 {
        let told = plans.join_next().await.unwrap().unwrap().unwrap_err();
        assert!(told.contains("org.hvutils.Error.Busy"), "{told}");
    }
    let client = setup.client.clone();
    let thawing = tokio::spawn(async move { call(&client, "Thaw", &()).await.is_ok() });
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push(setup.agree().await);
    }
    assert_eq!(asked, ["plan", "plan", "plan", "plan", "thaw"]);
    assert!(thawing.await.unwrap());
    let (reply, asked) = tokio::join!(call(&setup.client, "Plan", &()), agree(&mut setup.desk));
    assert_eq!((reply.is_ok(), asked), (true, "plan"), "and it goes on");
}

#[tokio::test]
async fn nobody_looks_at_anything_for_a_plan_while_a_freeze_is_under_way() {
    let Some(mut setup) =
        Setup::start("nobody_looks_at_anything_for_a_plan_while_a_freeze_is_under_way").await
    else {
        return;
    };
    for state in [ShownState::Freezing, ShownState::Frozen, ShownState::Thawing, ShownState::Failed] {
        setup.desk.shown.send_replace(Shown { state, ..Shown::default() });
        let told = setup.call("Plan", &()).await.unwrap_err();
        assert!(told.contains("Error.Busy: while a freeze is under way nothing is looked at"), "{told}");
    }
    assert!(setup.desk.asks.try_recv().is_err(), "the service was asked");
    setup.desk.shown.send_replace(Shown::default());
    let (reply, asked) = tokio::join!(call(&setup.client, "Plan", &()), agree(&mut setup.desk));
    assert_eq!((reply.is_ok(), asked), (true, "plan"));
}

#[tokio::test]
async fn histories_that_are_on_their_way_are_few() {
    let Some(setup) = Setup::start("histories_that_are_on_their_way_are_few").await else { return };
    let object = setup.daemon.object_server().interface::<_, Vss1>(PATH).await.unwrap();
    let object = object.get().await;
    let under_way: Vec<_> = (0..4).map(|_| object.records().unwrap()).collect();
    let told = setup.call("History", &()).await.unwrap_err();
    assert!(told.contains("Error.Busy: too many ask for the history"), "{told}");
    drop(under_way);
    for _ in 0..8 {
        setup.call("History", &()).await.unwrap();
    }
}

#[tokio::test]
async fn line_that_is_full_is_busy_and_one_that_is_closed_has_failed() {
    let directory = TempDir::new().unwrap();
    let history = History::open(&directory.path().join("history.json"));
    let (remote, mut desk) = remote(history.subscribe());
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..17 {
        let remote = remote.clone();
        asking.spawn(async move { remote.thaw().await });
    }
    let first = asking.join_next().await.unwrap().unwrap();
    assert!(matches!(first, Err(Error::Busy(_))), "{first:?}");
    desk.asks.close();
    assert!(matches!(remote.thaw().await, Err(Error::Failed(_))));
    drop(desk);
    let rest = asking.join_all().await;
    assert!(
        rest.len() == 16 && rest.iter().all(|answer| matches!(answer, Err(Error::Failed(_)))),
        "{rest:?}"
    );
}

#[tokio::test]
async fn answer_to_a_caller_who_has_gone_goes_nowhere() {
    let Some(mut setup) = Setup::start("answer_to_a_caller_who_has_gone_goes_nowhere").await else { return };
    let leaving = connect(&setup.bus).await;
    let call = tokio::spawn(async move { call(&leaving, "Freeze", &0_u32).await.is_ok() });
    let Some(Ask::Freeze { answer, .. }) = setup.desk.asks.recv().await else { panic!("another question") };
    call.abort();
    assert!(call.await.is_err());
    let _: Result<(), Result<(), Error>> = answer.send(Ok(()));
    setup.call("History", &()).await.unwrap();
}
