import BuiltPrograms
import Foundation
import MartletTesting

/// A program that judges ours: of the machine, or of the tools that generation keeps beside the project.
struct OutsideTool {
    let program: Program

    static let promtool = OutsideTool("promtool")
    static let openAPIValidator = OutsideTool("openapi-spec-validator")

    init?(_ name: String) {
        guard let path = Judges.path(of: name) else { return nil }
        program = Program(at: path)
    }

    /// Runs it with `input` on its standard input; what it says, and whether it is content.
    func judge(_ input: Data, _ arguments: [String]) throws -> (isContent: Bool, words: String) {
        let ended = try program.run(arguments, input: input)
        return (ended.status == 0, ended.words)
    }
}
