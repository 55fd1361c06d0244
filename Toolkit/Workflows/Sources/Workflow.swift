import MartletSQL

/// A durable function: after a crash it runs again, and its finished steps answer from the journal.
///
/// It is deterministic but for its ``WorkflowContext``: time, chance and I/O come only from there, steps follow one another, and
/// each has a name that is unique in the run. Inputs, outputs and results are stored: they carry ids, never personal data.
public protocol Workflow: Sendable {
    associatedtype Input: Codable & Sendable
    associatedtype Output: Codable & Sendable

    /// Unique in its service, and stored: never renamed.
    static var name: String { get }
    /// Raised when steps change; the old version stays registered until no run of it is open.
    static var version: Int { get }

    /// Throwing ``StepRefused``, or a fault whose outcome is `refused`, ends the run as failed. Any other error is taken for a bug
    /// and parks it as needs-a-human.
    func run(_ input: Input, _ context: WorkflowContext) async throws -> Output
}

/// A workflow whose types are erased, so that an engine can hold many.
public struct RegisteredWorkflow: Sendable {
    public let name: String
    public let version: Int
    let run: @Sendable (_ input: String, _ context: WorkflowContext) async throws -> String

    public init<W: Workflow>(_ workflow: W) {
        name = W.name
        version = W.version
        run = { input, context in
            let input = try StoredJSON.value(W.Input.self, from: input)
            return try StoredJSON.text(try await workflow.run(input, context))
        }
    }

    private init(
        name: String,
        version: Int,
        run: @escaping @Sendable (_ input: String, _ context: WorkflowContext) async throws -> String
    ) {
        self.name = name
        self.version = version
        self.run = run
    }

    /// The same function with something around it, as a version of its own beside this one.
    ///
    /// - Parameter body: Calls `run` for what this version does, once.
    public func later(
        _ version: Int,
        _ body:
            @escaping @Sendable (_ context: WorkflowContext, _ run: () async throws -> String) async throws -> String
    ) -> RegisteredWorkflow {
        precondition(version > self.version)
        return RegisteredWorkflow(name: name, version: version) { [run] input, context in
            try await body(context) { try await run(input, context) }
        }
    }

    var key: String { WorkflowKey.text(name, version) }
}

/// Name and version as the one word by which a claim asks for them.
enum WorkflowKey {
    static func text(_ name: String, _ version: Int) -> String { "\(name)@\(version)" }
}
