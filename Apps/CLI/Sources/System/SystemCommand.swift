import Console
import Glibc

/// A command that another program of the system runs: that program replaces this one.
struct SystemCommand: Equatable {
    /// The program's file.
    let program: String
    let arguments: [String]

    /// The command that `arguments` name, also as in `help COMMAND`; `nil` when they name none of the system's.
    init?(_ arguments: [String], in topology: Topology) {
        let isHelp = arguments.first == "help"
        guard let name = arguments.dropFirst(isHelp ? 1 : 0).first,
            let command = topology.commands.first(where: { $0.name == name }), let program = command.run.first
        else { return nil }
        self.program = program
        self.arguments = Array(command.run.dropFirst()) + (isHelp ? ["--help"] : Array(arguments.dropFirst()))
    }

    /// Does not return when the program starts, which keeps this process's number, signals and files.
    ///
    /// - Throws: ``CommandFailure`` when it cannot be started.
    func replaceThisProcess() throws(CommandFailure) {
        let path = "\(try Programs.folder())/\(program)"
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        argv.append(nil)
        execv(path, argv)
        throw CommandFailure(
            "\(path) cannot be started: \(String(cString: strerror(errno)))",
            status: CommandStatus.usage
        )
    }
}
