import Console
import Foundation
import Synchronization

/// A program that runs as a child of this process.
final class ChildProcess: Sendable {
    /// What to run, and where its output goes.
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

    let identity: ProcessIdentity
    private let isReaped = Mutex(false)

    private init(_ identity: ProcessIdentity) { self.identity = identity }

    /// Starts `program`; `ended` is called once, on a thread dedicated to the child.
    ///
    /// The child receives SIGTERM when this process exits, however it exits. It runs in its own process group, so that
    /// Ctrl-C on the terminal signals only the supervisor, which then shuts down its children in order.
    ///
    /// - Throws: ``NotStarted``; `ended` is then never called.
    static func start(
        _ program: Program,
        ended: @escaping @Sendable (ProcessEnd) -> Void
    ) async throws -> ChildProcess {
        try await withCheckedThrowingContinuation { continuation in
            // The parent-death signal is bound to the thread that started the child, so the thread outlives the child.
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
        isReaped.withLock { isReaped in
            if !isReaped { _ = kill(identity.pid, signal) }
        }
    }

    private func waitForEnd() -> ProcessEnd {
        var info = siginfo_t()
        // Until the child is reaped under the lock, its PID is not reused and a signal cannot reach another process.
        while waitid(P_PID, id_t(identity.pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        var status: Int32 = 0
        isReaped.withLock { isReaped in
            while waitpid(identity.pid, &status, 0) < 0, errno == EINTR {}
            isReaped = true
        }
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }

    /// Part of util-linux, present on every Debian; without it the next supervisor terminates orphaned children.
    private static let setpriv = "/usr/bin/setpriv"

    private static func spawn(_ program: Program) throws(NotStarted) -> ChildProcess {
        guard access(program.path, X_OK) == 0 else {
            throw NotStarted(description: "\(program.path): \(String(cString: strerror(errno)))")
        }
        var command = [program.path] + program.arguments
        if access(setpriv, X_OK) == 0 { command = [setpriv, "--pdeathsig", "TERM", "--"] + command }

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
        let error = withCStrings(command) { arguments in
            withCStrings(variables) { environment in
                posix_spawn(&pid, command[0], &files, &attributes, arguments, environment)
            }
        }
        guard error == 0 else { throw NotStarted(description: "\(program.path): \(String(cString: strerror(error)))") }
        // The child may have exited already; its PID is not reused before it is waited for.
        guard let identity = ProcessIdentity(child: pid) else {
            throw NotStarted(description: "\(program.path): its process \(pid) cannot be read from /proc")
        }
        return ChildProcess(identity)
    }

    /// Calls `body` with `texts` as C strings and a final null pointer.
    static func withCStrings<R>(
        _ texts: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> R
    ) -> R {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
