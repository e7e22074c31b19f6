use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::*;

/// Both outputs of a terminal, in the order in which they were written.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

/// Tells one event for each verb, then answers with its first word.
struct Telling(UnboundedSender<String>);

impl Executor for Telling {
    fn run(
        &self,
        words: Vec<String>,
        _timeout: Option<Duration>,
        _json: bool,
    ) -> Pin<Box<dyn Future<Output = Rendered> + '_>> {
        self.0.send(format!("event of {}", words[0])).unwrap();
        let rendered = Rendered { exit: 1, stdout: format!("did {}\n", words[0]), stderr: String::new() };
        Box::pin(std::future::ready(rendered))
    }
}

/// What a console shows for these lines, and its exit code.
async fn shown(terminal: bool, typed: &[&str]) -> (String, u8) {
    let (events, mut told) = mpsc::unbounded_channel();
    let (sender, lines) = mpsc::channel(typed.len());
    for line in typed {
        sender.send((*line).to_owned()).await.unwrap();
    }
    drop(sender);
    let paper = Paper::default();
    let screen = Screen::new(Box::new(paper.clone()), Box::new(paper.clone()), terminal);
    let mut console = Console { executor: Rc::new(Telling(events)), json: false, screen };
    let rendered = console.run(lines, &mut told).await;
    (paper.text(), rendered.exit)
}

#[tokio::test]
async fn what_a_verb_causes_is_told_before_its_answer_and_the_prompt_comes_last() {
    let (text, exit) = shown(true, &["one", "two"]).await;
    let expected = "hv> -- event of one\ndid one\nhv> -- event of two\ndid two\nhv> \n";
    assert_eq!((text.as_str(), exit), (expected, exit::OK));
}

#[tokio::test]
async fn on_a_pipe_there_is_no_prompt_and_the_exit_code_is_that_of_the_lines() {
    assert_eq!(shown(false, &["one"]).await, ("-- event of one\ndid one\n".to_owned(), 1));
}

#[tokio::test]
async fn exit_leaves_the_console_without_asking_the_host_and_quit_asks_it_first() {
    assert_eq!(shown(true, &[" exit ", "never"]).await.0, "hv> ");
    assert_eq!(shown(true, &["quit", "never"]).await.0, "hv> -- event of quit\ndid quit\n");
}

#[test]
fn an_event_while_a_line_is_awaited_takes_the_prompts_place_and_is_followed_by_it() {
    let paper = Paper::default();
    let mut screen = Screen::new(Box::new(paper.clone()), Box::new(paper.clone()), true);
    screen.prompt();
    screen.tell("kvp: a guest\u{1b} came");
    screen.entered();
    screen.tell("kvp: it went");
    assert_eq!(paper.text(), "hv> \r\x1b[K-- kvp: a guest\\u{1b} came\nhv> -- kvp: it went\n");
}
