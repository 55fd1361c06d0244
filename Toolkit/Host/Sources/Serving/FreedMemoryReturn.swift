import MartletCore
import MartletTelemetry
import ServiceLifecycle

/// Returns memory to the system after a peak: the I/O around ``MemoryWatch``.
struct FreedMemoryReturn: Service, CustomStringConvertible {
    /// Between two checks.
    static let interval = Duration.seconds(15)

    let time: any TimeSource
    /// What connections hold now, and the most since the last call.
    let load: @Sendable () -> MemoryWatch.Load
    /// The resident memory of the process, in bytes; 0 when it is not known.
    let resident: @Sendable () -> Int
    let returnToSystem: @Sendable () -> Void

    var description: String { "freed memory" }

    init(
        time: any TimeSource,
        load: @escaping @Sendable () -> MemoryWatch.Load,
        resident: @escaping @Sendable () -> Int,
        returnToSystem: @escaping @Sendable () -> Void
    ) {
        self.time = time
        self.load = load
        self.resident = resident
        self.returnToSystem = returnToSystem
    }

    /// For this process, whose listeners have `budget`.
    init(budget: ListenerBudget, time: any TimeSource) {
        self.init(
            time: time,
            load: { MemoryWatch.Load(peak: budget.takePeakLoad(), now: budget.load) },
            resident: { Int(ProcessMetrics.residentBytes()) },
            returnToSystem: { FreedMemory.returnToSystem() }
        )
    }

    func run() async throws {
        FreedMemory.keepLittle()
        do {
            try await cancelWhenGracefulShutdown {
                var watch = MemoryWatch()
                while true {
                    try await time.sleep(for: Self.interval)
                    guard watch.isReturnDue(load(), resident: resident(), at: time.now) else { continue }
                    returnToSystem()
                    watch.returned(load: load().now, resident: resident(), at: time.now)
                }
            }
        } catch is CancellationError {}
    }
}
