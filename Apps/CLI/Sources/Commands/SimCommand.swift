import ArgumentParser
import Glibc

/// `martlet sim`: another program, since this one holds no service.
struct SimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Simulates the whole shop from a seed while everything goes wrong, and judges it from outside.",
        discussion: """
            Runs `martlet-sim`, which lies beside this program, with the same arguments; `martlet sim --help` shows its help.

            Examples:
              martlet sim --seed 7            one world
              martlet sim --seeds 1000        a thousand worlds, on both cores
            """
    )

    @Argument(parsing: .captureForPassthrough, help: "What `martlet-sim` is told.")
    var arguments: [String] = []

    func run() throws {
        let program = try "\(UpCommand.programs())/martlet-sim"
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        words.append(nil)
        execv(program, words)
        throw ValidationError("\(program) cannot be started: \(String(cString: strerror(errno)))")
    }
}
