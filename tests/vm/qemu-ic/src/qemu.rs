//! The functions of QEMU that are used, and the structures that are passed to them.
//!
//! Facts from QEMU's public headers (`hw/hyperv/vmbus.h`, `hyperv.h`, `qemu/timer.h`, `qom/object.h`). All are
//! called from QEMU's main loop only.

use std::ffi::{c_char, c_int, c_void};

/// A QEMU object that is only passed on.
pub(crate) type Pointer = *mut c_void;

/// `TypeInfo`.
#[repr(C)]
pub(crate) struct TypeInfo {
    pub(crate) name: *const c_char,
    pub(crate) parent: *const c_char,
    pub(crate) instance_size: usize,
    pub(crate) instance_align: usize,
    pub(crate) instance_init: Pointer,
    pub(crate) instance_post_init: Pointer,
    pub(crate) instance_finalize: Pointer,
    pub(crate) is_abstract: bool,
    pub(crate) class_size: usize,
    pub(crate) class_init: extern "C" fn(Pointer, Pointer),
    pub(crate) class_base_init: Pointer,
    pub(crate) class_data: Pointer,
    pub(crate) interfaces: Pointer,
}

/// The beginning of a `VMBusChanReq`: a packet from the guest.
#[repr(C)]
pub(crate) struct Request {
    pub(crate) channel: Pointer,
    pub(crate) kind: u16,
    pub(crate) length: u32,
    pub(crate) message: *const u8,
    pub(crate) transaction: u64,
    pub(crate) completion_wanted: bool,
}

/// Bytes of a whole `VMBusChanReq`, or more.
pub(crate) const REQUEST_BYTES: u32 = 80;

/// The beginning of a `VMBusChannel`.
#[repr(C)]
pub(crate) struct Channel {
    pub(crate) device: Pointer,
    /// The channel's number, which the guest calls relid.
    pub(crate) id: u32,
}

/// `struct hyperv_message`: a SynIC message in its slot.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(crate) struct Message {
    pub(crate) kind: u32,
    pub(crate) payload_bytes: u8,
    pub(crate) flags: u8,
    pub(crate) reserved: [u8; 2],
    pub(crate) sender: u64,
    pub(crate) payload: [u8; 240],
}

const _: () = assert!(size_of::<Message>() == 256);

/// `struct hyperv_post_message_input`: a message of the guest's to the host.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(crate) struct GuestMessage {
    pub(crate) connection: u32,
    pub(crate) reserved: u32,
    pub(crate) kind: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) payload: [u8; 240],
}

const _: () = assert!(size_of::<GuestMessage>() == 256);

/// `MODULE_INIT_QOM`.
pub(crate) const INIT_QOM: c_int = 3;

pub(crate) type Handler = extern "C" fn(Pointer);

unsafe extern "C" {
    pub(crate) fn register_module_init(function: extern "C" fn(), kind: c_int);
    pub(crate) fn type_register_static(info: *const TypeInfo) -> Pointer;
    pub(crate) fn object_class_by_name(name: *const c_char) -> Pointer;
    pub(crate) fn qemu_set_fd_handler(
        fd: c_int,
        read: Option<Handler>,
        write: Option<Handler>,
        opaque: Pointer,
    );

    pub(crate) fn vmbus_device_channel(device: Pointer, index: u32) -> *mut Channel;
    pub(crate) fn vmbus_channel_device(channel: *mut Channel) -> Pointer;
    pub(crate) fn vmbus_channel_is_open(channel: *mut Channel) -> bool;
    pub(crate) fn vmbus_channel_reserve(channel: *mut Channel, descriptor: u32, message: u32) -> c_int;
    pub(crate) fn vmbus_channel_send(
        channel: *mut Channel,
        kind: u16,
        descriptor: Pointer,
        descriptor_bytes: u32,
        message: *const u8,
        message_bytes: u32,
        completion_wanted: bool,
        transaction: u64,
    ) -> isize;
    pub(crate) fn vmbus_channel_recv_start(channel: *mut Channel) -> c_int;
    pub(crate) fn vmbus_channel_recv_peek(channel: *mut Channel, size: u32) -> *mut Request;
    pub(crate) fn vmbus_channel_recv_pop(channel: *mut Channel);
    pub(crate) fn vmbus_channel_recv_done(channel: *mut Channel) -> isize;
    pub(crate) fn vmbus_free_req(request: *mut Request);

    pub(crate) fn hyperv_sint_route_new(
        vp_index: u32,
        sint: u32,
        done: extern "C" fn(Pointer, c_int),
        opaque: Pointer,
    ) -> Pointer;
    pub(crate) fn hyperv_sint_route_unref(route: Pointer);
    pub(crate) fn hyperv_post_msg(route: Pointer, message: *const Message) -> c_int;
    pub(crate) fn hyperv_hcall_post_message(address: u64, fast: bool) -> u16;
    pub(crate) fn cpu_physical_memory_rw(address: u64, buffer: Pointer, length: u64, is_write: bool);
    pub(crate) static kvm_state: Pointer;
    pub(crate) fn kvm_irqchip_commit_routes(state: Pointer);

    pub(crate) fn timer_init_full(
        timer: Pointer,
        group: Pointer,
        clock: c_int,
        scale: c_int,
        attributes: c_int,
        fired: Handler,
        opaque: Pointer,
    );
    pub(crate) fn timer_mod(timer: Pointer, at: i64);
    pub(crate) fn qemu_clock_get_ns(clock: c_int) -> i64;

    /// poll(2), for one descriptor: its number, and what is asked and told in the halves of the second word.
    pub(crate) fn poll(descriptors: *mut PollDescriptor, count: u64, timeout_ms: c_int) -> c_int;
}

/// `struct pollfd`.
#[repr(C)]
pub(crate) struct PollDescriptor {
    pub(crate) fd: c_int,
    pub(crate) events: i16,
    pub(crate) revents: i16,
}

/// `POLLHUP`.
pub(crate) const HANG_UP: i16 = 0x10;
