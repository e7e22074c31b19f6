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
