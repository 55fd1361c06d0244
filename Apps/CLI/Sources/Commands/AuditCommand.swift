import ArgumentParser
import Console
import MartletCore
import MartletEventLog
import MartletHost
import SwiftProtobuf

struct AuditCommand: AsyncParsableCommand {
    static let limits = 1...200

    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Lists what operators changed, and why.",
        discussion: """
            Each operator action is recorded in the database of the service that it changed, in the same transaction, \
            and is never deleted. Newest first. --json adds the values before and after; event bodies are hexadecimal.

            Examples:
              martlet audit
              martlet audit --service NAME --limit 200 --json
            """
    )

    @OptionGroup var services: ServiceOptions

    @Option(
        parsing: .unconditional,
        help: "How many actions of each service: \(limits.lowerBound) to \(limits.upperBound). (default: 50)",
        transform: FlagValue.wholeNumber(limits)
    )
    var limit = 50

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let client = try await services.client()
            let request = ListAuditRequest.with { $0.limit = UInt32(limit) }
            let responses = try await client.queryAll {
                try await $0.calls.listAudit(request, context: $0.context).records
            }
            let ofServices = responses.all.flatMap { service, records in records.map { AuditEntry($0, of: service) } }
            let acts = (ofServices + (try await ofTheLog()))
                .sorted { ($0.at, $0.service, $0.number) > ($1.at, $1.service, $1.number) }
            if json {
                try terminal.json(AuditReport(acts: acts, missing: responses.missing))
            } else {
                write(acts, terminal)
            }
            try responses.requireComplete()
        }
    }

    /// What operators did to the event log; nothing when another service is asked for, or no event log runs.
    private func ofTheLog() async throws -> [AuditEntry] {
        guard services.service == nil else { return [] }
        var request = ListLogAuditRequest()
        request.limit = UInt32(limit)
        do {
            return try await LogConnection.with(services.data.folder) { [request] client, context in
                try await client.listLogAudit(request, context: context).records.map { AuditEntry($0) }
            }
        } catch let failure as CommandFailure {
            Terminal().note("Warning: \(failure)")
            return []
        }
    }

    private func write(_ acts: [AuditEntry], _ terminal: Terminal) {
        if acts.isEmpty { return terminal.line("No operator has changed anything.") }
        var table = TextTable("AT", "SERVICE", "WHO", "ACT", "TARGET", "WHY")
        for act in acts {
            table.add("\(act.at)", "\(act.service)", "\(act.who)", "\(act.act)", "\(act.target)", "\(act.why)")
        }
        table.write(to: terminal)
    }
}

/// What `martlet audit --json` prints.
private struct AuditReport: Encodable {
    let acts: [AuditEntry]
    /// Services that did not respond.
    let missing: [String]
}

/// An operator's action, as printed.
struct AuditEntry: Encodable {
    let service: String
    /// Consecutive per service, from 1.
    let number: Int64
    let who: String
    /// As in `workflow.retry`.
    let act: String
    let target: String
    let why: String
    let before: String
    let after: String
    let at: String

    init(_ record: AuditRecord, of service: String) {
        self.service = service
        number = record.number
        who = record.who
        act = record.act
        target = record.target
        why = record.why
        before = record.before
        after = record.after
        at = Timestamp(microseconds: record.at).description
    }

    init(_ record: LogAuditRecord) {
        service = LogStatus.service
        number = record.number
        who = record.who
        act = record.act
        target = record.target
        why = record.why
        before = record.before
        after = record.after
        at = Timestamp(microseconds: record.at).description
    }
}
