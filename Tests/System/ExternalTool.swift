import BuiltPrograms
import Foundation
import MartletTesting

/// An installed validator of our output.
struct ExternalTool {
    let program: Program

    static let promtool = ExternalTool("promtool")
    static let openAPIValidator = ExternalTool("openapi-spec-validator")

    init?(_ name: String) {
        guard let path = Validators.path(of: name) else { return nil }
        program = Program(at: path)
    }

    /// Runs it with `input` on its standard input; its output, and whether it exited with 0.
    func validate(_ input: Data, _ arguments: [String]) throws -> (isValid: Bool, output: String) {
        let outcome = try program.run(arguments, input: input)
        return (outcome.status == 0, outcome.text)
    }
}
