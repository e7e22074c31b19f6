use super::*;

fn path() -> &'static Path {
    Path::new("/dev/cpu/3/msr")
}

#[test]
fn what_keeps_the_node_from_being_opened_has_its_code_and_its_sentence() {
    let cases = if cfg!(any(target_arch = "x86_64", target_arch = "x86")) {
        vec![
            (
                Errno::NOENT,
                Exit::Unavailable,
                "this needs an x86 guest of Hyper-V and the kernel module msr (modprobe msr)",
            ),
            (Errno::NXIO, Exit::Unavailable, "the processor is off"),
            (Errno::IO, Exit::Unavailable, "no registers"),
            (Errno::PERM, Exit::NotPermitted, "needs root with CAP_SYS_RAWIO"),
            (Errno::ACCESS, Exit::NotPermitted, "needs root with CAP_SYS_RAWIO"),
            (Errno::MFILE, Exit::Internal, "/dev/cpu/3/msr"),
        ]
    } else {
        vec![(Errno::NOENT, Exit::Unavailable, "on x86 only")]
    };
    for (errno, exit, sentence) in cases {
        let failure = cannot_open(path(), &errno.into());
        let text = failure.to_string();
        assert_eq!(failure.exit(), exit, "{text}");
        assert!(text.starts_with("cannot open /dev/cpu/3/msr: ") && text.contains(sentence), "{text}");
    }
}

#[test]
fn what_keeps_the_register_from_being_read_has_its_code_and_its_sentence() {
    let end: io::Error = ErrorKind::UnexpectedEof.into();
    let cases = [
        (Errno::IO.into(), Exit::Unavailable, "this hypervisor has no reference counter"),
        (Errno::PERM.into(), Exit::NotPermitted, "the kernel forbids it"),
        (Errno::NXIO.into(), Exit::Internal, "the processor was turned off"),
        (end, Exit::Internal, "no node of registers"),
        (Errno::NOMEM.into(), Exit::Internal, "0x40000020"),
    ];
    for (error, exit, sentence) in cases {
        let failure = cannot_read(path(), &error);
        let text = failure.to_string();
        assert_eq!(failure.exit(), exit, "{text}");
        assert!(text.contains("from /dev/cpu/3/msr: ") && text.contains(sentence), "{text}");
    }
}

#[test]
fn a_counter_that_stands_is_not_there_and_one_that_jumps_is_a_failure() {
    let msr = Msr { file: File::open("/dev/null").unwrap(), path: path().to_owned() };
    assert_eq!(msr.failure(&Problem::Standing(0)).exit(), Exit::Unavailable);
    assert_eq!(msr.failure(&Problem::Jumping).exit(), Exit::Internal);
}

#[test]
fn the_program_stays_on_one_processor_and_reads_the_register_there() {
    // On a thread of its own: the others of this process keep theirs.
    let pinned = std::thread::spawn(|| {
        let dir = tempfile::tempdir().unwrap();
        let failure = Msr::open(dir.path()).unwrap_err().to_string();
        let only = rustix::thread::sched_getaffinity(None).unwrap();
        (failure, only.count(), sched_getcpu(), only.is_set(sched_getcpu()))
    });
    let (failure, count, cpu, allowed) = pinned.join().unwrap();
    assert!(count == 1 && allowed && failure.contains(&format!("/cpu/{cpu}/msr")), "{failure}");
}
