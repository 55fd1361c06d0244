import BuiltPrograms
import Foundation

/// A program that judges ours: of the machine, or of the tools that generation keeps beside the project.
struct OutsideTool {
    let program: Program

    static let promtool = OutsideTool("promtool")
    static let openAPIValidator = OutsideTool("openapi-spec-validator")

    init?(_ name: String) {
        var project = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { project.deleteLastPathComponent() }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let places = [project.appendingPathComponent(".build-tools/venv/bin").path] + folders
        guard let found = places.map({ Program(at: "\($0)/\(name)") }).first(where: \.isThere) else { return nil }
        program = found
    }

    /// Runs it with `input` on its standard input; what it says, and whether it is content.
    func judge(_ input: Data, _ arguments: [String]) throws -> (isContent: Bool, words: String) {
        let ended = try program.run(arguments, input: input)
        return (ended.status == 0, ended.words)
    }
}
