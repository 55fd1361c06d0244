import ArgumentParser
import Foundation
import MartletCore

/// Publishes at a steady rate with a short retention, and checks that no table grows after the first retention.
@main
struct ProvePurge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove-purge",
        abstract: "Prove that purging keeps up with a steady load."
    )

    @Option(help: "Seconds of load.")
    var seconds = 600
    @Option(help: "Events a second.")
    var rate = 2_000
    @Option(help: "Seconds that an event stays after it was published or acknowledged.")
    var retention = 60
    @Option(help: "Seconds between two runs of a purge.")
    var interval = 60
    @Option(help: "The folder of the databases.")
    var folder: String

    func validate() throws {
        guard seconds >= 1, (10...100_000).contains(rate), retention >= 1, interval >= 1 else {
            throw ValidationError("the rate is 10 to 100000, and times are at least one second")
        }
    }

    func run() async throws {
        let load = try await PurgeLoad(
            folder: folder,
            rate: rate,
            retention: .seconds(retention),
            interval: .seconds(interval)
        )
        let samples = try await load.run(for: .seconds(seconds))
        // What is not past its retention, what has passed it since the last purge, and a second of work in progress.
        let limit = rate * (retention + interval + 10)
        let grown = samples.filter { $0.outbox > limit || $0.log > limit || $0.behind > rate * 10 }
        guard grown.isEmpty else {
            let figures = "above \(limit) rows, or \(rate * 10) events behind"
            Self.write("FAIL: \(grown.count) of \(samples.count) samples are \(figures)")
            throw ExitCode(1)
        }
        Self.write("ok: at most \(limit) rows in each table, in \(samples.count) samples")
    }

    static func write(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }
}
