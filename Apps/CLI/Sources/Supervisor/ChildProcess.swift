import Foundation
import Synchronization

/// A program that runs as a child of this one.
final class ChildProcess: Sendable {
    /// What to run, and where its words go.
    struct Program: Sendable {
        /// Absolute path.
        let path: String
        /// Without the program's name.
        let arguments: [String]
        let environment: [String: String]
        /// Standard output and standard error are appended here.
        let log: String
    }

    struct NotStarted: Error, CustomStringConvertible {
        let description: String
    }

    let mark: ProcessMark
    private let isGone = Mutex(false)

    private init(_ mark: ProcessMark) { self.mark = mark }

    /// Starts `program`; `ended` is called once, from a thread of the child's own.
    ///
    /// The child is asked to end (SIGTERM) when this process dies, however it dies. It stands in a process group of its own,
    /// so that Ctrl-C on the terminal reaches the supervisor alone, which then ends its children in order.
    ///
    /// - Throws: ``NotStarted``; `ended` is then never called.
    static func start(
        _ program: Program,
        ended: @escaping @Sendable (ProcessEnd) -> Void
    ) async throws -> ChildProcess {
        try await withCheckedThrowingContinuation { continuation in
            // The kernel ties the child to the thread that made it, so the thread stays as long as the child does.
            Thread.detachNewThread {
                do {
                    let child = try spawn(program)
                    continuation.resume(returning: child)
                    ended(child.waitForEnd())
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    /// Sends `signal`; does nothing when the child has ended.
    func send(_ signal: Int32) {
        isGone.withLock { isGone in
            if !isGone { _ = kill(mark.pid, signal) }
        }
    }

    private func waitForEnd() -> ProcessEnd {
        var info = siginfo_t()
        // Until the child is reaped under the lock, its number belongs to it and a signal cannot hit a stranger.
        while waitid(P_PID, id_t(mark.pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        var status: Int32 = 0
        isGone.withLock { isGone in
            while waitpid(mark.pid, &status, 0) < 0, errno == EINTR {}
            isGone = true
        }
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }

    /// Part of util-linux, which every Debian has; without it leftovers are still ended by the next supervisor.
    private static let tether = "/usr/bin/setpriv"

    private static func spawn(_ program: Program) throws(NotStarted) -> ChildProcess {
        guard access(program.path, X_OK) == 0 else {
            throw NotStarted(description: "\(program.path): \(String(cString: strerror(errno)))")
        }
        var command = [program.path] + program.arguments
        if access(tether, X_OK) == 0 { command = [tether, "--pdeathsig", "TERM", "--"] + command }

        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, program.log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        )
        posix_spawnattr_setpgroup(&attributes, 0)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)

        let variables = program.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let fault = withCStrings(command) { arguments in
            withCStrings(variables) { environment in
                posix_spawn(&pid, command[0], &files, &attributes, arguments, environment)
            }
        }
        guard fault == 0 else { throw NotStarted(description: "\(program.path): \(String(cString: strerror(fault)))") }
        // It may have ended already; its number is its own until it is waited for.
        guard let mark = ProcessMark(child: pid) else {
            throw NotStarted(description: "\(program.path): its process \(pid) cannot be looked at in /proc")
        }
        return ChildProcess(mark)
    }

    private static func withCStrings<R>(
        _ texts: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> R
    ) -> R {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
