use std::io;

use hv_utils_core::wire::PacketHeader;

use super::*;
use crate::link::scripted::Scripted;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_recorded_link_passes_everything_on_and_writes_it_down() {
    let (shared, captured) = (Shared::default(), Shared::default());
    let link = Scripted::new(|packet| vec![packet.clone()]);
    let mut recorded = {
        let transcript = Some(Transcript::to(Box::new(shared.clone())));
        let capture = Some(Capture::to(Box::new(captured.clone())));
        Recorded::new(link, Ic::Kvp, Records { transcript, capture })
    };
    let sent = Packet { header: PacketHeader::in_band(0x1a), payload: vec![1, 0xa0] };
    recorded.send(&sent).await.unwrap();
    assert_eq!(recorded.recv().await.unwrap(), sent);
    recorded.link.full = true;
    assert!(!recorded.try_send(&sent).unwrap(), "what was not sent is not written down");
    recorded.link.waiting.push_back(Err(LinkError::Closed));
    assert!(recorded.recv().await.is_err());
    drop(recorded);
    let text = shared.text();
    let lines: Vec<&str> = text.lines().map(|line| line.split_at(13).1).collect();
    let said = "kvp       no IC message: 01 a0 (2 bytes)";
    let expected = [
        "-- kvp       channel opened".to_owned(),
        format!("-> {said}"),
        format!("<- {said}"),
        "-- kvp       the guest closed the channel".to_owned(),
        "-- kvp       channel closed by the host's end".to_owned(),
    ];
    assert_eq!(lines, expected);
    let expected = "\
# kvp: channel opened
-> kvp 6 0x0 0x1a 01a0
<- kvp 6 0x0 0x1a 01a0
# kvp: the guest closed the channel
# kvp: channel closed by the host's end
";
    assert_eq!(captured.text(), expected);
}

/// Takes so many bytes and then, once, no more.
struct Full(Shared, usize, bool);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.1);
        if count == 0 && !std::mem::replace(&mut self.2, true) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1 = if self.2 { usize::MAX } else { self.1 - count };
        self.0.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn after_a_line_that_could_not_be_written_a_record_gets_no_other() {
    let shared = Shared::default();
    let mut page = Page {
        name: "the transcript x".to_owned(),
        out: Some(Box::new(Plain(Box::new(Full(shared.clone(), 9, false))))),
        whole: 0,
    };
    assert_eq!(page.line("first"), Ok(()));
    let told = page.line("second").unwrap_err();
    assert_eq!(told, "the transcript x ends here, it cannot be written: no storage space");
    assert_eq!(page.line("third"), Ok(()), "that is said once");
    assert_eq!(shared.text(), "first\nsec");
}

#[test]
fn a_torn_line_is_taken_out_of_a_file() {
    let file = tempfile::tempfile().unwrap();
    let mut out = file.try_clone().unwrap();
    out.write_all(b"first\nsec").unwrap();
    Sink::cut(&mut out, 6).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 6);
}
