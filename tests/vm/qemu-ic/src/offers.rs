//! Taking a device away from a running guest and offering it again, which QEMU's VMBus has no means for.
//!
//! Both are messages that the host posts to the guest: RESCIND_CHANNELOFFER and OFFERCHANNEL. They go through a SINT
//! route of our own, made for one message and dropped after it: while two routes to the same SINT exist, the kernel tells
//! only the newer one that the guest has emptied the message slot, and QEMU's VMBus must not miss that. So the routes are
//! committed once more when ours is gone, which makes QEMU's the newest again.
//!
//! For the same reason nothing is posted while QEMU's VMBus has something to post: not right after a close, when the guest
//! gives the rings' memory back and waits for QEMU's word. If both meet in the slot, that word is lost, and the guest waits
//! for ever in its unbind.
//!
//! The guest answers a rescind by RELID_RELEASED, which QEMU reports as unknown and we cannot see; an offer that comes
//! before it is lost to Linux. Therefore an offer waits until the channel is closed and some time has passed.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use crate::ic::{Ic, on_the_wire};
use crate::qemu::{
    GuestMessage, Message, Pointer, cpu_physical_memory_rw, hyperv_hcall_post_message, hyperv_post_msg,
    hyperv_sint_route_new, hyperv_sint_route_unref, kvm_irqchip_commit_routes, kvm_state,
};
use crate::timer::Timer;

/// How long a guest may need to let go of a rescinded device.
pub(crate) const SETTLE: Duration = Duration::from_millis(1000);
/// How long after a close the guest and QEMU may still exchange messages about the channel's memory.
pub(crate) const QUIET: Duration = Duration::from_millis(200);

/// The virtual processor and the interrupt source that VMBus messages go to: the guest's first, and 2 by definition.
const VP_INDEX: u32 = 0;
const VMBUS_SINT: u32 = 2;
/// `HV_MESSAGE_VMBUS`.
const VMBUS_MESSAGE: u32 = 1;
/// VMBus' first connection number for channels, as QEMU gives them out.
const CONNECTION_OFFSET: u32 = 16;
/// QEMU's -EAGAIN: the slot was full, and is empty now.
const AGAIN: i32 = -11;

/// The connection on which guests post VMBus messages, up to VMBus 4.x.
const MESSAGE_CONNECTION: u32 = 1;
/// Guest memory that Linux reserves and does not use.
const SCRATCH: u64 = 0x800;

const CLOSE_CHANNEL: u32 = 7;
const OFFER_CHANNEL: u32 = 1;
const RESCIND_CHANNEL_OFFER: u32 = 2;
/// The channel is a pipe, as those of all integration components.
pub(crate) const PIPE_MODE: u16 = 0x10;

#[derive(Default)]
struct Posts {
    waiting: VecDeque<Message>,
    /// The route of the message that is under way.
    route: Option<usize>,
    /// Whether that message has arrived.
    arrived: bool,
    timer: Option<Timer>,
}

thread_local! {
    static POSTS: RefCell<Posts> = RefCell::default();
}

/// Tells the guest that the device with this relid is gone.
pub(crate) fn rescind(relid: u32) {
    let mut text = [0; 16];
    text[..4].copy_from_slice(&RESCIND_CHANNEL_OFFER.to_le_bytes());
    text[8..12].copy_from_slice(&relid.to_le_bytes());
    // Header (8) and relid (4), rounded up to 8.
    post(&text[..12]);
}

/// Closes a channel of a rescinded device that the guest has left open: Linux does so when its driver was unbound under an
/// open descriptor. To a host the channel ends with the rescind; to QEMU only the guest can close it, and it does not open it
/// a second time. So QEMU is told in the guest's name, by the hypercall that a guest would use, with the message in a page
/// that Linux leaves alone (the first of memory, but for the very first bytes), for a moment.
pub(crate) fn close(relid: u32) {
    let mut message = GuestMessage {
        connection: MESSAGE_CONNECTION,
        reserved: 0,
        kind: VMBUS_MESSAGE,
        payload_bytes: 16,
        payload: [0; 240],
    };
    message.payload[..4].copy_from_slice(&CLOSE_CHANNEL.to_le_bytes());
    message.payload[8..12].copy_from_slice(&relid.to_le_bytes());
    let mut before = [0_u64; 32];
    access(&mut before, false);
    // SAFETY: the same size, and plain bytes.
    let mut bytes: [u64; 32] = unsafe { std::mem::transmute(message) };
    access(&mut bytes, true);
    // SAFETY: in the main loop, under QEMU's lock; QEMU copies the message.
    let status = unsafe { hyperv_hcall_post_message(SCRATCH, false) };
    access(&mut before, true);
    if status != 0 {
        eprintln!("qemu-ic: a channel could not be closed in the guest's name: {status:#x}");
    }
}

/// Reads or writes the scratch memory.
fn access(words: &mut [u64; 32], write: bool) {
    let length = size_of_val(words) as u64;
    // SAFETY: the buffer is as long as is said, and QEMU checks the guest's address.
    unsafe { cpu_physical_memory_rw(SCRATCH, words.as_mut_ptr().cast(), length, write) };
}

/// Offers the device, with the same numbers as at the start.
pub(crate) fn offer(ic: &Ic, relid: u32) {
    let mut text = [0; 196];
    text[..4].copy_from_slice(&OFFER_CHANNEL.to_le_bytes());
    text[8..24].copy_from_slice(&on_the_wire(ic.class));
    text[24..40].copy_from_slice(&on_the_wire(ic.instance));
    text[56..58].copy_from_slice(&PIPE_MODE.to_le_bytes());
    text[184..188].copy_from_slice(&relid.to_le_bytes());
    // No monitor page; an interrupt of its own.
    text[190..192].copy_from_slice(&1_u16.to_le_bytes());
    text[192..196].copy_from_slice(&(CONNECTION_OFFSET + relid).to_le_bytes());
    post(&text);
}

fn post(text: &[u8]) {
    let mut message = Message {
        kind: VMBUS_MESSAGE,
        payload_bytes: u8::try_from(text.len().next_multiple_of(8)).unwrap_or(u8::MAX),
        flags: 0,
        reserved: [0; 2],
        sender: 0,
        payload: [0; 240],
    };
    message.payload[..text.len()].copy_from_slice(text);
    POSTS.with_borrow_mut(|posts| {
        posts.waiting.push_back(message);
        posts.wake(Duration::ZERO);
    });
}

impl Posts {
    fn wake(&mut self, delay: Duration) {
        self.timer.get_or_insert_with(|| Timer::new(step, std::ptr::null_mut())).fire_in(delay);
    }

    fn step(&mut self) {
        if std::mem::take(&mut self.arrived) {
            self.drop_route();
            self.waiting.pop_front();
        }
        let Some(message) = self.waiting.front().copied() else { return };
        let route = *self.route.get_or_insert_with(|| {
            // SAFETY: the virtual processor exists once the guest runs, which it does: a device was to be taken away.
            let route = unsafe { hyperv_sint_route_new(VP_INDEX, VMBUS_SINT, posted, std::ptr::null_mut()) };
            route as usize
        });
        if route == 0 {
            self.route = None;
            eprintln!("qemu-ic: no route for a message to the guest");
            self.waiting.clear();
            return;
        }
        // SAFETY: the route is ours and lives; QEMU copies the message.
        if unsafe { hyperv_post_msg(route as Pointer, &raw const message) } != 0 {
            self.wake(Duration::from_millis(1));
        }
    }

    fn drop_route(&mut self) {
        let Some(route) = self.route.take() else { return };
        // SAFETY: this reference is the one that `hyperv_sint_route_new` gave us.
        unsafe { hyperv_sint_route_unref(route as Pointer) };
        // SAFETY: QEMU sets it before there are devices, and never again.
        let state = unsafe { kvm_state };
        // SAFETY: in the main loop, under QEMU's lock.
        unsafe { kvm_irqchip_commit_routes(state) };
    }
}

extern "C" fn step(_: Pointer) {
    POSTS.with_borrow_mut(Posts::step);
}

/// QEMU tells what became of our message. It is done with it only after this function has returned.
extern "C" fn posted(_: Pointer, status: i32) {
    POSTS.with_borrow_mut(|posts| {
        match status {
            0 => posts.arrived = true,
            AGAIN => {}
            other => {
                eprintln!("qemu-ic: a message to the guest was refused: {other}");
                posts.arrived = true;
            }
        }
        posts.wake(Duration::from_millis(1));
    });
}
