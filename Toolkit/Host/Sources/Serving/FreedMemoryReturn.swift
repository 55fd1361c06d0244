import MartletCore
import ServiceLifecycle

/// Returns memory to the system after a peak of requests and responses.
struct FreedMemoryReturn: Service, CustomStringConvertible {
    /// Between two checks: a minute after a peak its memory is back.
    static let interval = Duration.seconds(15)
    /// A peak of fewer bytes is not worth the time.
    static let peakBytesMin = 32 << 20

    let bytes: ByteBudget
    let time: any TimeSource

    var description: String { "freed memory" }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                while true {
                    try await time.sleep(for: Self.interval)
                    if Self.isDue(peak: bytes.takePeak(), held: bytes.held) { FreedMemory.returnToSystem() }
                }
            }
        } catch is CancellationError {}
    }

    /// Whether most of a large peak has been released.
    static func isDue(peak: Int, held: Int) -> Bool { peak >= peakBytesMin && held <= peak / 2 }
}
