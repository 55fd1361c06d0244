import Martlet

/// Deletes a link at the end of its lifetime.
struct LinkExpiry: Workflow {
    static let name = "link-expiry"
    static let version = 1
    static let lifetime = Duration.seconds(30 * 24 * 3_600)

    func run(_ code: String, _ context: WorkflowContext) async throws -> String {
        try await context.sleep("lifetime", for: Self.lifetime)
        try await context.local("delete") { tx in try tx.run("DELETE FROM links WHERE code = \(code)") }
        return "deleted"
    }
}
