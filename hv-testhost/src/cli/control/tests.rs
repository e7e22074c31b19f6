use std::future::Future;
use std::pin::{Pin, pin};

use super::*;

/// Answers with the words it was asked with.
struct Echo;

impl Executor for Echo {
    fn run(
        &self,
        words: Vec<String>,
        _timeout: Option<Duration>,
        _json: bool,
    ) -> Pin<Box<dyn Future<Output = Rendered> + '_>> {
        Box::pin(async move { Rendered { stdout: words.join(" "), ..Rendered::default() } })
    }
}

fn question() -> Question {
    Question::new(vec!["get-kvp".to_owned(), "0".to_owned()], None, false)
}

/// Asks before there is a host, then starts one at `path`.
async fn asked_too_early(path: &Path) -> Rendered {
    let question = question();
    let mut asking = pin!(ask(path, &question, Duration::from_secs(60)));
    tokio::select! {
        biased;
        early = &mut asking => panic!("there is no host: {early:?}"),
        () = std::future::ready(()) => {}
    }
    let control = Control::bind(path).unwrap();
    tokio::select! {
        answered = asking => answered.unwrap(),
        () = control.serve(Rc::new(Echo)) => unreachable!("a host serves for ever"),
    }
}

#[tokio::test(flavor = "local")]
async fn a_host_that_does_not_listen_yet_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(asked_too_early(&dir.path().join("control")).await.stdout, "get-kvp 0");
}

#[tokio::test(flavor = "local")]
async fn a_socket_of_a_dead_host_is_waited_for_until_a_new_one_takes_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert_eq!(asked_too_early(&path).await.stdout, "get-kvp 0");
}

#[tokio::test]
async fn without_a_host_the_error_names_the_socket_the_time_and_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control");
    let why = ask(&path, &question(), Duration::from_millis(1)).await.unwrap_err();
    let start = format!("no host answered at {} within 1ms: No such file", path.display());
    assert!(why.message.starts_with(&start), "{why:?}");
    assert_eq!(why.hint, format!("start one with hv-testhost --sim DIR --control {}", path.display()));
}

#[tokio::test]
async fn a_path_that_will_never_be_a_socket_is_not_waited_for() {
    let path = Path::new("/proc/self/status/control");
    let why = ask(path, &question(), Duration::from_secs(86_400)).await.unwrap_err();
    assert!(why.message.starts_with("cannot ask a host at /proc/self/status/control: "), "{why:?}");
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes");
    std::fs::write(&path, "precious").unwrap();
    let error = Control::bind(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with(&format!("cannot listen at {}: ", path.display())), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
