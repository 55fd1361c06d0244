import Console
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

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
    /// In a source tree, where not every program is built from the start, one that is missing is built first.
    ///
    /// - Parameter folder: The folder of the programs.
    /// - Throws: ``CommandFailure`` when it cannot be built or started.
    func replaceThisProcess(in folder: String) throws(CommandFailure) {
        let path = try builtProgram(in: folder)
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        argv.append(nil)
        execv(path, argv)
        throw CommandFailure(
            "\(path) cannot be started: \(String(cString: strerror(errno)))",
            status: CommandStatus.usage
        )
    }

    private func builtProgram(in folder: String) throws(CommandFailure) -> String {
        switch SystemProgram(program, in: folder) {
        case .built(let path): return path
        case .missing(let path):
            throw CommandFailure(
                "\(path) cannot be started: it is missing, install it beside this program",
                status: CommandStatus.usage
            )
        case .buildable(let path, let build):
            Terminal().note("==> building \(program) (the first time takes a few minutes)")
            guard try Self.succeeds(build) else { throw CommandFailure("`\(build.joined(separator: " "))` failed") }
            return path
        }
    }

    /// Runs a command of the search path with its output on standard error, since standard output is the program's.
    static func succeeds(_ command: [String]) throws(CommandFailure) -> Bool {
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO)
        let variables = ProcessInfo.processInfo.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        // In this process group: Ctrl-C ends both.
        let error = ChildProcess.withCStrings(command) { arguments in
            ChildProcess.withCStrings(variables) { environment in
                posix_spawnp(&pid, command[0], &files, nil, arguments, environment)
            }
        }
        guard error == 0 else {
            throw CommandFailure(
                "\(command[0]) cannot be started: \(String(cString: strerror(error)))",
                status: CommandStatus.usage
            )
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status == 0
    }
}
