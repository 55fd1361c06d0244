import ArgumentParser
import Console
import Foundation
import MartletCore
import MartletHost
import SwiftProtobuf

struct GapsFillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fill",
        abstract: "Supplies a missing event from a file.",
        discussion: """
            The file has the topic's message as JSON, or its bytes with --raw. The event is handled in its order, and \
            then what waited for it. When the lost event comes after all, it is a duplicate.

            Example:
              martlet events gaps fill --group GROUP --topic TOPIC --key KEY --sequence 7 \\
                --body event.json --reason "from the backup of Monday"
            """
    )

    @OptionGroup var services: ServiceOptions
    @OptionGroup var gap: GapOptions
    @OptionGroup var why: ReasonOptions

    @Option(help: "The missing sequence.")
    var sequence: Int64

    @Option(help: ArgumentHelp("The body; - is standard input.", valueName: "file"), completion: .file())
    var body: String

    @Flag(help: "The file holds the message's bytes, not JSON.")
    var raw = false

    @Option(
        help: ArgumentHelp("When it was published; by default as the next event of its key.", valueName: "time")
    )
    var publishedAt: String?

    func validate() throws {
        guard let publishedAt else { return }
        guard Timestamp(publishedAt) != nil else {
            throw ValidationError("--published-at must be a time in UTC, as in 2026-01-31T23:59:59Z.")
        }
    }

    func run() async throws {
        try await reporting {
            let data = try EventBodyFile.read(body)
            let client = try await services.client()
            let found = try await gap.find(client).filter { $0.first...$0.last ~= sequence }
            guard let missing = found.first else { throw CommandFailure("\(sequence) is not missing there") }
            guard found.count == 1 else {
                throw CommandFailure("several publishers or epochs miss it: give --source and --epoch")
            }
            guard let service = client.services.first(where: { $0.name == missing.service }) else { return }
            let request = FillGapRequest.with {
                $0.group = missing.group
                $0.topic = missing.topic
                $0.key = missing.key
                $0.source = missing.source
                $0.epoch = missing.epoch
                $0.sequence = sequence
                $0.publishedAt = publishedAt.flatMap { Timestamp($0) }?.microseconds ?? 0
                $0.reason = why.reason
                if raw { $0.body = data } else { $0.bodyJson = String(decoding: data, as: UTF8.self) }
            }
            do {
                _ = try await service.calls.fillGap(request, context: service.context)
            } catch let fault as Fault where fault.reason == "operate.unknown_topic" {
                throw CommandFailure("\(gap.topic): its message type is unknown; give its bytes with --raw")
            } catch let fault as Fault where fault.reason == "operate.invalid_body" {
                throw CommandFailure("\(body): \(fault.message)")
            } catch let fault as Fault {
                throw CommandFailure("\(missing.service): \(fault.message)")
            }
            Terminal().note("\(missing.service): \(missing.key): \(sequence) is supplied")
        }
    }
}

struct GapsSkipCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skip",
        abstract: "Gives up the missing events of a key.",
        discussion: """
            What waited for them is handled. A skipped event that comes after all is late: see `martlet events late`. \
            By default all gaps of the key are skipped; --first and --last limit them.

            Example:
              martlet events gaps skip --group GROUP --topic TOPIC --key KEY \\
                --first 6 --last 7 --reason "lost with the log of Monday"
            """
    )

    @OptionGroup var services: ServiceOptions
    @OptionGroup var gap: GapOptions
    @OptionGroup var why: ReasonOptions

    @Option(help: "The first sequence to skip.")
    var first: Int64?

    @Option(help: "The last sequence to skip.")
    var last: Int64?

    func validate() throws {
        guard (first ?? 1) <= (last ?? .max), (first ?? 1) >= 1 else {
            throw ValidationError("--first must be at least 1, and at most --last.")
        }
    }

    func run() async throws {
        try await reporting {
            let client = try await services.client()
            let wanted = (first ?? 1)...(last ?? .max)
            let found = try await gap.find(client).filter { wanted.overlaps($0.first...$0.last) }
            guard !found.isEmpty else { throw CommandFailure("no such sequence is missing there") }
            for missing in found {
                guard let service = client.services.first(where: { $0.name == missing.service }) else { continue }
                let range = wanted.clamped(to: missing.first...missing.last)
                let request = SkipGapRequest.with {
                    $0.group = missing.group
                    $0.topic = missing.topic
                    $0.key = missing.key
                    $0.source = missing.source
                    $0.epoch = missing.epoch
                    $0.firstSequence = range.lowerBound
                    $0.lastSequence = range.upperBound
                    $0.reason = why.reason
                }
                do {
                    _ = try await service.calls.skipGap(request, context: service.context)
                } catch let fault as Fault {
                    throw CommandFailure("\(missing.service): \(missing.key): \(fault.message)")
                }
                let sequences = "\(range.lowerBound)-\(range.upperBound)"
                Terminal().note("\(missing.service): \(missing.key): skipped \(sequences) of epoch \(missing.epoch)")
            }
        }
    }
}
