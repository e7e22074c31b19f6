use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Agent, Frame, Kind, serve};

#[test]
fn frame_is_these_bytes() {
    let frame = Frame { id: 0x0102, kind: Kind::Stderr, bytes: b"no".to_vec() };
    let bytes = [2, 1, 0, 0, 3, 2, 0, 0, 0, b'n', b'o'];
    assert_eq!(frame.encode(), bytes);
    assert_eq!(Frame::read(&mut &bytes[..]).expect("a frame"), frame);
}

#[test]
fn frame_of_an_unknown_kind_is_refused() {
    let bytes = [0, 0, 0, 0, 9, 0, 0, 0, 0];
    assert!(Frame::read(&mut &bytes[..]).is_err());
}

#[test]
fn script_runs_and_its_output_and_code_come_back() {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    std::thread::spawn(move || serve(theirs.try_clone().expect("a clone"), theirs));
    let agent = Agent::new(ours).expect("a client");
    assert!(agent.wait_for_hello(1, Duration::from_secs(60)));
    let slow = agent.start("sleep 0.3; echo slow");
    let finished =
        agent.start("echo out; echo err >&2; exit 7").wait(Duration::from_secs(60)).expect("an end");
    assert_eq!((finished.code, finished.stdout.as_str(), finished.stderr.as_str()), (7, "out\n", "err\n"));
    let slow = slow.wait(Duration::from_secs(60)).expect("an end");
    assert_eq!((slow.code, slow.stdout.as_str()), (0, "slow\n"));
}

#[test]
fn look_at_the_clocks_comes_back_while_a_script_runs() {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    std::thread::spawn(move || serve(theirs.try_clone().expect("a clone"), theirs));
    let agent = Agent::new(ours).expect("a client");
    let slow = agent.start("sleep 0.3; echo slow");
    let (before, there) = (crate::clock::look(), agent.look(Duration::from_secs(60)).expect("a look"));
    assert!(there.ticks > before.ticks && there.raw > before.raw, "{before} and {there}");
    assert_eq!(slow.wait(Duration::from_secs(60)).expect("an end").stdout, "slow\n");
}

#[test]
fn script_that_leaves_a_child_behind_ends_with_its_shell() {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    std::thread::spawn(move || serve(theirs.try_clone().expect("a clone"), theirs));
    let agent = Agent::new(ours).expect("a client");
    let finished = agent.start("sleep 600 & echo $!").wait(Duration::from_secs(60)).expect("an end");
    let child = finished.stdout.trim().to_owned();
    let killed = agent.start(&format!("kill {child}")).wait(Duration::from_secs(60)).expect("an end");
    assert_eq!(killed.code, 0, "the child was still there");
}
