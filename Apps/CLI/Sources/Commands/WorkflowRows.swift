import Console
import MartletCore
import MartletHost

/// A workflow run, as printed.
struct WorkflowRunRow: Encodable {
    let service: String
    let id: String
    let workflow: String
    let version: Int32
    /// open, completed, failed or needs_human.
    let state: String
    let isRunning: Bool
    let waitingFor: String
    let attempts: Int32
    let wasForced: Bool
    let input: String
    let output: String
    let error: String
    let principal: String
    let traceparent: String
    let createdAt: String
    let updatedAt: String

    init(_ run: WorkflowRecord, of service: String) {
        self.service = service
        id = run.id
        workflow = run.workflow
        version = run.version
        state = run.state
        isRunning = run.running
        waitingFor = run.waitingFor
        attempts = run.attempts
        wasForced = run.forced
        input = run.input
        output = run.output
        error = run.error
        principal = run.principal
        traceparent = run.traceparent
        createdAt = Timestamp(microseconds: run.createdAt).description
        updatedAt = Timestamp(microseconds: run.updatedAt).description
    }

    var style: Terminal.Style? {
        switch state {
        case "completed": .green
        case "failed": .yellow
        case "needs_human": .red
        default: nil
        }
    }
}

/// A run with its journal and its signals.
struct WorkflowJournal: Encodable {
    struct Step: Encodable {
        let number: Int32
        let step: String
        let kind: String
        let state: String
        let result: String
        let at: String
    }

    struct Signal: Encodable {
        let number: Int32
        let name: String
        /// The step that consumed it; `nil` while it is pending.
        let consumedBy: Int32?
        let at: String
    }

    let run: WorkflowRunRow
    let steps: [Step]
    let signals: [Signal]

    init(_ response: ShowWorkflowResponse, of service: String) {
        run = WorkflowRunRow(response.run, of: service)
        steps = response.steps.map {
            Step(
                number: $0.number,
                step: $0.step,
                kind: $0.kind,
                state: $0.state,
                result: $0.result,
                at: Timestamp(microseconds: $0.at).description
            )
        }
        signals = response.signals.map {
            Signal(
                number: $0.number,
                name: $0.name,
                consumedBy: $0.consumedBy < 0 ? nil : $0.consumedBy,
                at: Timestamp(microseconds: $0.at).description
            )
        }
    }

    func write(to terminal: Terminal) {
        let state = run.style.map { terminal.styled(run.state, $0) } ?? run.state
        terminal.line("\(terminal.styled(run.id, .bold))  \(run.workflow) v\(run.version) of \(run.service): \(state)")
        terminal.line("started \(run.createdAt), last change \(run.updatedAt), attempts \(run.attempts)")
        if !run.waitingFor.isEmpty { terminal.line("waiting for \(run.waitingFor)") }
        if !run.error.isEmpty { terminal.line("error: \(run.error)") }
        terminal.line("input: \(run.input)")
        if !run.output.isEmpty { terminal.line("output: \(run.output)") }
        terminal.line()
        var table = TextTable("STEP", "NAME", "KIND", "STATE", "AT", "RESULT")
        for step in steps {
            table.add(
                "\(step.number)",
                "\(step.step)",
                "\(step.kind)",
                "\(step.state)",
                "\(step.at)",
                "\(step.result)"
            )
        }
        table.write(to: terminal)
        guard !signals.isEmpty else { return }
        terminal.line()
        var signalTable = TextTable("SIGNAL", "CONSUMED BY STEP", "AT")
        for signal in signals {
            signalTable.add("\(signal.name)", "\(signal.consumedBy.map { "\($0)" } ?? "-")", "\(signal.at)")
        }
        signalTable.write(to: terminal)
    }
}
