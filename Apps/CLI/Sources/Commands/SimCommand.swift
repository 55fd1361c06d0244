import ArgumentParser
import Glibc

/// `martlet sim`: a separate program, since this one contains no service.
struct SimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Simulates the whole shop from a seed under injected faults, and checks its invariants.",
        discussion: """
            Runs `martlet-sim` from this program's folder with the same arguments; `martlet sim --help` shows its help.

            Examples:
              martlet sim --seed 7            one world
              martlet sim --seeds 1000        a thousand worlds, in parallel
            """
    )

    @Argument(parsing: .captureForPassthrough, help: "The arguments for `martlet-sim`.")
    var arguments: [String] = []

    func run() throws {
        let program = try "\(UpCommand.programs())/martlet-sim"
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        argv.append(nil)
        execv(program, argv)
        throw ValidationError("\(program) cannot be started: \(String(cString: strerror(errno)))")
    }
}
