import MartletSQL

/// A durable function: after a crash it runs again, and its finished steps take their results from the journal.
///
/// It is deterministic: time, randomness and I/O come only from its ``WorkflowContext``, steps run one after another,
/// and each has a name that is unique in the run. Inputs, outputs and results are stored: they contain ids, never
/// personal data.
///
/// Its service registers it, and a transaction begins a run with ``WorkflowEngine/start(_:id:input:for:in:)``.
///
/// ```swift
/// /// Deletes a link at the end of its lifetime.
/// struct LinkExpiry: Workflow {
///     static let name = "link-expiry"
///     static let version = 1
///
///     func run(_ code: String, _ context: WorkflowContext) async throws -> String {
///         try await context.sleep("lifetime", for: .seconds(30 * 24 * 3_600))
///         try await context.local("delete") { tx in try tx.run("DELETE FROM links WHERE code = \(code)") }
///         return "deleted"
///     }
/// }
/// ```
public protocol Workflow: Sendable {
    associatedtype Input: Codable & Sendable
    associatedtype Output: Codable & Sendable

    /// Unique in its service, and stored: never renamed.
    static var name: String { get }
    /// Incremented when steps change; the old version stays registered until no run of it is open.
    static var version: Int { get }

    /// Throwing ``StepRefused``, or a fault whose outcome is `refused`, ends the run as failed. Any other error
    /// counts as a bug and parks the run as *needs human*.
    func run(_ input: Input, _ context: WorkflowContext) async throws -> Output
}

/// A type-erased workflow, so that an engine can register several.
public struct RegisteredWorkflow: Sendable {
    let name: String
    package let version: Int
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

    /// The same function wrapped by `body`, as this version or as a later one beside it.
    ///
    /// - Parameters:
    ///   - version: Not below this one's.
    ///   - body: Calls `run` for what this version does, once.
    package func wrapped(
        as version: Int,
        _ body:
            @escaping @Sendable (_ context: WorkflowContext, _ run: () async throws -> String) async throws -> String
    ) -> RegisteredWorkflow {
        precondition(version >= self.version)
        return RegisteredWorkflow(name: name, version: version) { [run] input, context in
            try await body(context) { try await run(input, context) }
        }
    }

    var key: String { WorkflowKey.text(name, version) }
}

/// Name and version as one text, as claims use it.
enum WorkflowKey {
    static func text(_ name: String, _ version: Int) -> String { "\(name)@\(version)" }
}
