import ArgumentParser
import MartletCore
import MartletHost
import SwiftProtobuf

struct AuditCommand: AsyncParsableCommand {
    static let limits = 1...200

    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Lists what operators changed, and why.",
        discussion: """
            Each act stands in the database of the service that it changed, written in the same transaction, and is \
            kept for good. Newest first. --json also tells what stood there before and after; bodies of events are in \
            hexadecimal.

            Examples:
              martlet audit
              martlet audit --service orders --limit 200 --json
            """
    )

    @OptionGroup var services: ServiceOptions

    @Option(
        parsing: .unconditional,
        help: "How many acts of each service: \(limits.lowerBound) to \(limits.upperBound). (default: 50)",
        transform: FlagValue.wholeNumber(limits)
    )
    var limit = 50

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let desk = try await services.desk()
            let request = ListAuditRequest.with { $0.limit = UInt32(limit) }
            let answers = try await desk.ask { try await $0.calls.listAudit(request, context: $0.context).records }
            let acts = answers.all.flatMap { service, records in records.map { AuditedAct($0, of: service) } }
                .sorted { ($0.at, $0.service, $0.number) > ($1.at, $1.service, $1.number) }
            if json {
                try terminal.json(AuditedActs(acts: acts, missing: answers.missing))
            } else {
                write(acts, terminal)
            }
            try answers.mustBeComplete()
        }
    }

    private func write(_ acts: [AuditedAct], _ terminal: Terminal) {
        if acts.isEmpty { return terminal.line("No operator has changed anything.") }
        var table = TextTable("AT", "SERVICE", "WHO", "ACT", "TARGET", "WHY")
        for act in acts {
            table.add("\(act.at)", "\(act.service)", "\(act.who)", "\(act.act)", "\(act.target)", "\(act.why)")
        }
        table.write(to: terminal)
    }
}

/// What `martlet audit --json` prints.
private struct AuditedActs: Encodable {
    let acts: [AuditedAct]
    /// Services that do not answer.
    let missing: [String]
}

/// What an operator did, as the command line shows it.
struct AuditedAct: Encodable {
    let service: String
    /// 1, 2, 3, … per service.
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
}
