public import MartletCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The operating system's metrics of this process, under the names of the Prometheus client libraries.
public enum ProcessMetrics {
    /// Adds memory, CPU time, open files and start time to `registry`; a repeat changes nothing.
    public static func register(in registry: MetricsRegistry, time: any TimeSource) {
        let started = Double(time.date.microseconds) / 1_000_000
        registry.read("process_start_time_seconds", help: "When the process started, by the wall clock.") { started }
        registry.readTotal("process_cpu_seconds_total", help: "CPU time used, user and system.") { cpuSeconds() }
        registry.read("process_resident_memory_bytes", help: "Resident memory.") { residentBytes() }
        registry.read("process_open_fds", help: "Open file descriptors.") { Double(openFiles()) }
    }

    static func cpuSeconds() -> Double {
        #if canImport(Glibc)
            let thisProcess = __rusage_who_t(RUSAGE_SELF.rawValue)
        #else
            let thisProcess = RUSAGE_SELF
        #endif
        var usage = rusage()
        guard getrusage(thisProcess, &usage) == 0 else { return 0 }
        let times = [usage.ru_utime, usage.ru_stime]
        return times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1_000_000 }
    }

    /// The resident memory of this process; 0 where the system does not report it.
    package static func residentBytes() -> Double {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return 0 }
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ")
        guard fields.count > 1, let pages = Double(fields[1]) else { return 0 }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    static func openFiles() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            // "." and ".." are not descriptors, and one descriptor is the folder's own.
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return max(0, count - 1)
    }
}
