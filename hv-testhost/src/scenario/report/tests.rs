use super::*;

fn report() -> ScenarioReport {
    let mut mismatch = Mismatch::new("status 0", "status 1");
    mismatch.received = Some(vec![1, 2]);
    let step = |name: &str, verdict| StepReport {
        name: name.to_owned(),
        verdict,
        took: Duration::from_micros(1500),
    };
    ScenarioReport {
        name: "a \u{1b}name".to_owned(),
        guest_came: true,
        steps: vec![
            step("one", Verdict::Passed),
            step("two", Verdict::Failed(Box::new(mismatch))),
            step("three", Verdict::Skipped),
        ],
    }
}

#[test]
fn text_shows_each_step_and_explains_the_one_that_failed() {
    let expected = format!(
        "FAIL a \\u{{1b}}name\n  ok    1 one  (1.5 ms)\n  FAIL  2 two  (1.5 ms)\n\
         \x20         expected  status 0\n          actual    status 1\n\
         \x20         received  0000  {:<47}  ..\n                    0002  (2 bytes)\n  skip  3 three  (1.5 ms)\n",
        "01 02"
    );
    assert_eq!(report().text(), expected);
}

#[test]
fn json_has_the_same() {
    let json = report().json();
    assert_eq!(json["passed"], false);
    assert_eq!(json["steps"][0], serde_json::json!({"name": "one", "result": "passed", "took_us": 1500}));
    assert_eq!(json["steps"][1]["expected"], "status 0");
    assert_eq!(json["steps"][1]["sent"], serde_json::Value::Null);
    assert_eq!(json["steps"][1]["received"], "01 02");
    assert_eq!(json["steps"][2]["result"], "skipped");
}
