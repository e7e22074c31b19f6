//! The devices: QEMU's calls on one side, frames on the other.
//!
//! QEMU calls when the guest opens or closes the channel and when it has written to its ring. Frames of the host's wait
//! here until the channel is open and has room.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::c_int;
use std::time::Instant;

use crate::fatal;
use crate::frames::{CLOSED, Frame, OFFER, OPENED, RESCIND};
use crate::ic::{BALLOON, ICS, Ic};
use crate::layout::Layout;
use crate::offers::{self, PIPE_MODE, QUIET, SETTLE};
use crate::qemu::{
    Channel, INIT_QOM, Pointer, REQUEST_BYTES, TypeInfo, object_class_by_name, register_module_init,
    type_register_static, vmbus_channel_device, vmbus_channel_is_open, vmbus_channel_recv_done,
    vmbus_channel_recv_peek, vmbus_channel_recv_pop, vmbus_channel_recv_start, vmbus_channel_reserve,
    vmbus_channel_send, vmbus_device_channel, vmbus_free_req,
};
use crate::stream::{Arrival, Stream};
use crate::timer::Timer;

/// One device.
struct Device {
    pointer: Pointer,
    ic: &'static Ic,
    stream: Stream,
    incoming: Vec<u8>,
    /// Packets for the guest that could not be passed on yet.
    waiting: VecDeque<Frame>,
    /// Whether the channel has been open.
    was_open: bool,
    /// Whether the guest has the device, as far as we told it.
    offered: bool,
    /// Whether it is to be taken away.
    leaving: bool,
    /// Whether the host wants it offered again.
    wanted: bool,
    /// When the guest was told last that it is gone, or closed it.
    left: Instant,
    timer: Timer,
}

thread_local! {
    static DEVICES: RefCell<Vec<Device>> = const { RefCell::new(Vec::new()) };
}

/// Runs `act` on the device, if it is ours.
fn on(pointer: Pointer, act: impl FnOnce(&mut Device)) {
    DEVICES.with_borrow_mut(|devices| {
        if let Some(device) = devices.iter_mut().find(|device| device.pointer == pointer) {
            act(device);
        }
    });
}

impl Device {
    fn channel(&self) -> *mut Channel {
        // SAFETY: a realized VMBus device has its first channel, for as long as it lives.
        unsafe { vmbus_device_channel(self.pointer, 0) }
    }

    fn is_open(&self) -> bool {
        // SAFETY: the channel lives as long as the device.
        unsafe { vmbus_channel_is_open(self.channel()) }
    }

    fn relid(&self) -> u32 {
        // SAFETY: a channel begins with its device and its number.
        let channel = unsafe { &*self.channel() };
        if channel.device != self.pointer || !(1..2048).contains(&channel.id) {
            fatal("this QEMU's VMBusChannel is laid out otherwise");
        }
        channel.id
    }

    fn send(&mut self, frame: &Frame) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.stream.send(&bytes);
    }

    /// Takes what came from the host, and passes on what can be passed on.
    fn readable(&mut self) {
        match self.stream.read(&mut self.incoming) {
            Arrival::Bytes => self.pump(),
            Arrival::Gone => {
                self.incoming.clear();
                self.waiting.clear();
            }
            Arrival::Nothing => {}
        }
        self.go_on();
    }

    fn pump(&mut self) {
        while let Some(frame) = self.next_frame() {
            match frame.kind {
                OPENED => {
                    let state = if self.is_open() { OPENED } else { CLOSED };
                    self.send(&Frame::word(state));
                }
                RESCIND => self.rescind(),
                OFFER => {
                    self.wanted = true;
                    self.go_on();
                }
                // Words are obeyed at once; packets wait, for a channel or for room, and for those before them. One that was
                // under way when the channel was closed is lost with it: the next channel begins with NEGOTIATE.
                _ if self.was_open && !self.is_open() => {}
                _ => self.waiting.push_back(frame),
            }
        }
        while let Some(frame) = self.waiting.pop_front() {
            if !self.pass_on(&frame) {
                self.waiting.push_front(frame);
                break;
            }
        }
    }

    fn next_frame(&mut self) -> Option<Frame> {
        match Frame::take(&mut self.incoming) {
            Ok(frame) => frame,
            Err(bad) => {
                eprintln!("qemu-ic: {:?}: the stream ends: {}", self.ic.device, bad.0);
                self.incoming.clear();
                self.waiting.clear();
                self.stream.end();
                None
            }
        }
    }

    /// Puts a packet into the guest's ring; `false` if that cannot be done now.
    fn pass_on(&mut self, frame: &Frame) -> bool {
        let (channel, length) = (self.channel(), u32::try_from(frame.payload.len()).unwrap_or(u32::MAX));
        // SAFETY: the channel is open; QEMU says whether there is room.
        if !self.is_open() || unsafe { vmbus_channel_reserve(channel, 0, length) } < 0 {
            return false;
        }
        // SAFETY: room is reserved, and the payload is as long as it is said to be.
        unsafe {
            vmbus_channel_send(
                channel,
                frame.kind,
                std::ptr::null_mut(),
                0,
                frame.payload.as_ptr(),
                length,
                frame.flags & 1 != 0,
                frame.transaction,
            )
        };
        true
    }

    fn rescind(&mut self) {
        self.wanted = false;
        if self.offered && !self.leaving {
            self.leaving = true;
            self.waiting.clear();
            self.go_on();
        }
    }

    /// Takes the device away and offers it again, each when its time has come.
    fn go_on(&mut self) {
        if self.leaving {
            // Right after a close the guest and QEMU still talk about the rings: see `offers`.
            let since = self.left.elapsed();
            if !self.is_open() && since < QUIET {
                return self.timer.fire_in(QUIET - since);
            }
            self.leaving = false;
            self.offered = false;
            self.left = Instant::now();
            offers::rescind(self.relid());
        }
        if !self.wanted || self.offered {
            return;
        }
        let since = self.left.elapsed();
        if since < SETTLE {
            return self.timer.fire_in(SETTLE - since);
        }
        if self.is_open() {
            offers::close(self.relid());
            return self.timer.fire_in(SETTLE / 10);
        }
        self.wanted = false;
        self.offered = true;
        offers::offer(self.ic, self.relid());
    }
}

extern "C" fn readable(opaque: Pointer) {
    on(opaque, Device::readable);
}

extern "C" fn writable(opaque: Pointer) {
    on(opaque, |device| device.stream.flush());
}

extern "C" fn due(opaque: Pointer) {
    on(opaque, Device::go_on);
}

extern "C" fn opened(channel: *mut Channel) -> c_int {
    // SAFETY: QEMU calls with a channel of a device of ours.
    on(unsafe { vmbus_channel_device(channel) }, |device| {
        device.was_open = true;
        device.send(&Frame::word(OPENED));
    });
    0
}

extern "C" fn closed(channel: *mut Channel) {
    // SAFETY: as above.
    on(unsafe { vmbus_channel_device(channel) }, |device| {
        device.left = Instant::now();
        // Packets that the guest never saw are lost with their channel.
        device.waiting.clear();
        device.send(&Frame::word(CLOSED));
    });
}

/// The guest has written to its ring, or made room in ours.
extern "C" fn notified(channel: *mut Channel) {
    // SAFETY: as above.
    on(unsafe { vmbus_channel_device(channel) }, |device| {
        // SAFETY: QEMU has prepared the ring for reading before this call.
        if unsafe { vmbus_channel_recv_start(channel) } == 0 {
            while let Some(frame) = next_packet(channel) {
                device.send(&frame);
            }
            // SAFETY: ends what recv_start began.
            unsafe { vmbus_channel_recv_done(channel) };
        }
        device.pump();
    });
}

/// Takes the next packet out of the guest's ring.
fn next_packet(channel: *mut Channel) -> Option<Frame> {
    // SAFETY: between recv_start and recv_done.
    let request = unsafe { vmbus_channel_recv_peek(channel, REQUEST_BYTES) };
    if request.is_null() {
        return None;
    }
    // SAFETY: QEMU made it a moment ago, and frees it only when told.
    let packet = unsafe { &*request };
    // SAFETY: the message lies behind the request, in the same allocation.
    let payload = unsafe { std::slice::from_raw_parts(packet.message, packet.length as usize) }.to_vec();
    let frame = Frame {
        kind: packet.kind,
        flags: u16::from(packet.completion_wanted),
        transaction: packet.transaction,
        payload,
    };
    // SAFETY: it is not used any more.
    unsafe { vmbus_free_req(request) };
    // SAFETY: the packet that was looked at is taken.
    unsafe { vmbus_channel_recv_pop(channel) };
    Some(frame)
}

extern "C" fn realize(pointer: Pointer, _error: Pointer) {
    let layout = layout();
    // SAFETY: an object begins with its class.
    let class = unsafe { *pointer.cast::<*const u8>() };
    // SAFETY: the class was filled in by `class_init`.
    let guid = unsafe { class.wrapping_add(layout.class_id).cast::<[u8; 16]>().read_unaligned() };
    let Some(ic) = ICS.iter().find(|ic| ic.class.to_be_bytes() == guid) else {
        fatal("a device of another class")
    };
    let variable = ic.variable();
    let place = std::env::var(&variable).unwrap_or_else(|_| fatal(&format!("{variable} is not set")));
    let stream = Stream::open(&place, readable, writable, pointer)
        .unwrap_or_else(|error| fatal(&format!("{variable}={place}: {error}")));
    let device = Device {
        pointer,
        ic,
        stream,
        incoming: Vec::new(),
        waiting: VecDeque::new(),
        was_open: false,
        offered: true,
        leaving: false,
        wanted: false,
        left: Instant::now(),
        timer: Timer::new(due, pointer),
    };
    DEVICES.with_borrow_mut(|devices| devices.push(device));
}

fn layout() -> Layout {
    let line = std::env::var("HV_IC_LAYOUT").unwrap_or_default();
    Layout::parse(&line).unwrap_or_else(|| fatal("HV_IC_LAYOUT is not a line of the table of layouts"))
}

extern "C" fn class_init(class: Pointer, data: Pointer) {
    let layout = layout();
    // SAFETY: a name that lives for ever.
    let balloon = unsafe { object_class_by_name(c"hv-balloon".as_ptr()) }.cast::<u8>();
    let known = !balloon.is_null() && {
        // SAFETY: the offset lies within the class of every QEMU that has the device.
        let guid = unsafe { balloon.wrapping_add(layout.class_id).cast::<[u8; 16]>().read_unaligned() };
        guid == BALLOON.to_be_bytes()
    };
    if !known {
        fatal("this QEMU's VMBusDeviceClass is laid out otherwise than HV_IC_LAYOUT says");
    }
    // SAFETY: `data` is what `types` registered.
    let ic = unsafe { &*data.cast::<Ic>() };
    put(class, layout.class_id, ic.class.to_be_bytes());
    put(class, layout.instance_id, ic.instance.to_be_bytes());
    put(class, layout.flags, PIPE_MODE);
    put(class, layout.realize, realize as extern "C" fn(Pointer, Pointer));
    put(class, layout.open, opened as extern "C" fn(*mut Channel) -> c_int);
    put(class, layout.close, closed as extern "C" fn(*mut Channel));
    put(class, layout.notify, notified as extern "C" fn(*mut Channel));
}

/// Writes a member of a class.
fn put<T>(class: Pointer, offset: usize, value: T) {
    // SAFETY: `class_init` has checked that the layout is this QEMU's, and the class is ours to fill in.
    unsafe { class.cast::<u8>().wrapping_add(offset).cast::<T>().write_unaligned(value) };
}

extern "C" fn types() {
    let none = std::ptr::null_mut();
    for ic in &ICS {
        let info = TypeInfo {
            name: ic.device.as_ptr(),
            parent: c"vmbus-dev".as_ptr(),
            instance_size: layout().device_size,
            instance_align: 0,
            instance_init: none,
            instance_post_init: none,
            instance_finalize: none,
            is_abstract: false,
            class_size: 0,
            class_init,
            class_base_init: none,
            class_data: std::ptr::from_ref(ic).cast_mut().cast(),
            interfaces: none,
        };
        // SAFETY: QEMU copies what it needs; the strings live for ever.
        unsafe { type_register_static(&raw const info) };
    }
}

extern "C" fn start() {
    // SAFETY: as QEMU's own modules do at the same time.
    unsafe { register_module_init(types, INIT_QOM) };
}

/// Run by the dynamic loader, before QEMU's main.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;
