import ArgumentParser
import Console
import MartletCore
import MartletHost
import SwiftProtobuf

struct WorkflowsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workflows",
        abstract: "Lists durable workflows, shows their journals, and repairs stuck ones.",
        discussion: """
            A run is one execution of a workflow, with its own input; its journal lists its steps. \
            States: open (in progress), completed, failed (ended by the workflow's own rules), needs_human.

            A run that cannot continue is parked as needs_human, never dropped. Inspect its journal, fix the cause, \
            then `retry` it, or `compensate` it: undo its steps.

            Examples:
              martlet workflows list --state needs_human
              martlet workflows show RUN
              martlet workflows retry RUN --reason "the service is back"
              martlet workflows compensate RUN --reason "it is not wanted"
            """,
        subcommands: [
            WorkflowsListCommand.self, WorkflowsShowCommand.self, WorkflowsRetryCommand.self,
            WorkflowsCompensateCommand.self,
        ]
    )
}

struct WorkflowsListCommand: AsyncParsableCommand {
    enum State: String, ExpressibleByArgument, CaseIterable {
        case open
        case completed
        case failed
        case needsHuman = "needs_human"
    }

    static let limits = 1...200

    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists runs, newest first.",
        discussion: """
            ATTEMPTS counts the failed attempts of an open run's current step.

            Examples:
              martlet workflows list --state needs_human --json | jq -r '.runs[].id'
              martlet workflows list --service NAME --limit 20
            """
    )

    @OptionGroup var services: ServiceOptions

    @Option(help: "Only runs in this state.")
    var state: State?

    @Option(
        parsing: .unconditional,
        help: "How many runs of each service: \(limits.lowerBound) to \(limits.upperBound). (default: 50)",
        transform: FlagValue.wholeNumber(limits)
    )
    var limit = 50

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let client = try await services.client()
            let request = ListWorkflowsRequest.with {
                $0.state = state?.rawValue ?? ""
                $0.limit = UInt32(limit)
            }
            let responses = try await client.queryAll {
                try await $0.calls.listWorkflows(request, context: $0.context).runs
            }
            let runs = responses.all.flatMap { service, runs in runs.map { WorkflowRunRow($0, of: service) } }
            if json { try terminal.json(Runs(runs: runs, missing: responses.missing)) } else { write(runs, terminal) }
            try responses.requireComplete()
        }
    }

    private struct Runs: Encodable {
        let runs: [WorkflowRunRow]
        /// Services that did not respond.
        let missing: [String]
    }

    private func write(_ runs: [WorkflowRunRow], _ terminal: Terminal) {
        if runs.isEmpty { return terminal.line("No runs.") }
        var table = TextTable("RUN", "SERVICE", "WORKFLOW", "STATE", "ATTEMPTS", "UPDATED", "ERROR")
        for run in runs {
            table.add(
                "\(run.id)",
                "\(run.service)",
                "\(run.workflow) v\(run.version)",
                TextTable.Cell(run.state, run.style),
                "\(run.attempts)",
                "\(run.updatedAt)",
                "\(run.error)"
            )
        }
        table.write(to: terminal)
    }
}

struct WorkflowsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows one run with its journal.",
        discussion: """
            A step of the kind `remote` calls another service, `local` changes the service's own database, `undo` \
            compensates a step, `timer` and `signal` wait. An `open` step has started; its outcome is unknown.

            Example:
              martlet workflows show RUN
            """
    )

    @Argument(help: "The run's id, from `workflows list`.")
    var id: String

    @OptionGroup var services: ServiceOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let client = try await services.client()
            let request = ShowWorkflowRequest.with { $0.id = id }
            let found = try await client.find { try await $0.calls.showWorkflow(request, context: $0.context) }
            let journal = WorkflowJournal(found.response, of: found.service)
            if json { try terminal.json(journal) } else { journal.write(to: terminal) }
        }
    }
}

struct WorkflowsRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Resumes a run that needs a human at its open step.",
        discussion: """
            Completed steps are not repeated; the open one is retried with the same idempotency key, so that it takes \
            effect once. Returns immediately; `show` reports the progress.

            Example:
              martlet workflows retry RUN --reason "the service is back"
            """
    )

    @Argument(help: "The run's id, from `workflows list`.")
    var id: String

    @OptionGroup var services: ServiceOptions
    @OptionGroup var why: ReasonOptions

    func run() async throws {
        try await reporting {
            let request = RetryWorkflowRequest.with {
                $0.id = id
                $0.reason = why.reason
            }
            try await services.change(run: id, verb: "resumes") {
                try await $0.calls.retryWorkflow(request, context: $0.context)
            }
        }
    }
}

struct WorkflowsCompensateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compensate",
        abstract: "Ends a run and undoes its steps.",
        discussion: """
            The run must be open or need a human. Its open step counts as refused, and the steps before it are undone, \
            the newest first. Returns immediately; `show` reports the progress.

            Example:
              martlet workflows compensate RUN --reason "it is not wanted"
            """
    )

    @Argument(help: "The run's id, from `workflows list`.")
    var id: String

    @OptionGroup var services: ServiceOptions
    @OptionGroup var why: ReasonOptions

    func run() async throws {
        try await reporting {
            let request = CompensateWorkflowRequest.with {
                $0.id = id
                $0.reason = why.reason
            }
            try await services.change(run: id, verb: "compensates") {
                try await $0.calls.compensateWorkflow(request, context: $0.context)
            }
        }
    }
}

extension ServiceOptions {
    /// Makes an operator's change in the service that has the run, and reports which one that is.
    fileprivate func change<Response>(
        run id: String,
        verb: String,
        _ change: (OperatorClient.Service) async throws -> Response
    ) async throws {
        let found = try await client().find(change)
        Terminal().note("\(found.service) \(verb) \(id)")
    }
}
