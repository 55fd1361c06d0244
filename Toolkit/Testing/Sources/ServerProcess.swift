import Foundation
package import MartletCore
import Synchronization

/// A server that others wrote (a database, a broker), as a process of one test run.
///
/// It ends with this process, however that ends: by ``stop(within:)``, on deinitialization, or killed by the kernel. Root runs
/// it as the user without rights, since some servers refuse root: it can read and write what ``ServerFolder`` made for it.
/// Safe to share between tasks.
package final class ServerProcess: Sendable {
    private struct State {
        var pid: pid_t?
        var status: Int32?
        /// Counts the starts, so that the end of an earlier process is not taken for the end of this one.
        var starts = 0
    }

    /// The program's file.
    private let program: String
    private let arguments: [String]
    private let environment: KeyValuePairs<String, String>
    private let folder: ServerFolder
    private let name: String
    private let state = Mutex(State())

    /// - Parameters:
    ///   - program: Its path.
    ///   - arguments: Its arguments; the same at each start.
    ///   - folder: Its working directory, and the place of its output.
    ///   - name: Of the file of its output, when several run in one folder.
    ///   - environment: Variables in addition to those of this process, without settings of our programs.
    package init(
        _ program: String,
        _ arguments: [String],
        in folder: ServerFolder,
        name: String = "server",
        environment: KeyValuePairs<String, String> = [:]
    ) {
        self.program = program
        self.arguments = arguments
        self.folder = folder
        self.name = name
        self.environment = environment
    }

    deinit { signal(SIGKILL) }

    /// The running process; `nil` before the start and after the end.
    package var pid: Int32? { state.withLock { $0.pid } }

    /// The file with everything that it has written to its standard output and error, of all starts.
    package var outputPath: String { folder.file("\(name).log") }

    /// Starts it, and returns when it is ready; again after it has ended.
    ///
    /// - Parameters:
    ///   - isReady: Asked every 20 ms.
    ///   - time: The real clock.
    /// - Throws: ``ServerFailure`` when it cannot be started, has ended, or is not ready within ``HangLimit/wait``.
    package func start(until isReady: () async -> Bool, _ time: any TimeSource) async throws {
        let start = try spawn()
        let limit = time.now + HangLimit.wait
        while !(await isReady()) {
            guard isRunning(start), time.now < limit else {
                signal(SIGKILL)
                throw ServerFailure("\(program) is not ready: \(outputEnd)")
            }
            try await time.sleep(for: .milliseconds(20))
        }
    }

    /// Sends a signal; does nothing when it is not running.
    package func signal(_ number: Int32) { if let pid { send(number, to: pid) } }

    /// Kills it as `kill -9` does, and returns when it has ended.
    package func kill(_ time: any TimeSource) async throws {
        signal(SIGKILL)
        try await waitUntilEnded(time)
    }

    /// Stops all its threads: connections stay open, and nothing answers.
    ///
    /// Processes that it started run on.
    package func pause() { signal(SIGSTOP) }

    /// Continues it after ``pause()``.
    package func resume() { signal(SIGCONT) }

    /// Asks it to end, and kills it when it does not end in time.
    ///
    /// - Parameters:
    ///   - number: The signal that it understands.
    ///   - patience: When it is killed.
    ///   - time: The real clock.
    package func stop(
        by number: Int32 = SIGTERM,
        within patience: Duration = .seconds(10),
        _ time: any TimeSource
    ) async throws {
        resume()
        signal(number)
        let limit = time.now + patience
        while pid != nil, time.now < limit { try await time.sleep(for: .milliseconds(10)) }
        try await kill(time)
    }

    /// Returns when it has ended.
    ///
    /// - Returns: Its exit status, or the number of the signal that ended it.
    /// - Throws: ``ServerFailure`` when it runs longer than ``HangLimit/wait``.
    @discardableResult
    package func waitUntilEnded(_ time: any TimeSource) async throws -> Int32 {
        let limit = time.now + HangLimit.wait
        while pid != nil {
            guard time.now < limit else { throw ServerFailure("\(program) does not end") }
            try await time.sleep(for: .milliseconds(5))
        }
        return state.withLock { $0.status } ?? 0
    }

    /// Runs it to its end.
    ///
    /// - Throws: ``ServerFailure`` when its exit status is not 0.
    package func run(_ time: any TimeSource) async throws {
        _ = try spawn()
        let status = try await waitUntilEnded(time)
        guard status == 0 else { throw ServerFailure("\(program) ended with \(status): \(outputEnd)") }
    }

    /// The last lines of its output, for a test that failed.
    package var outputEnd: String {
        let output = FileManager.default.contents(atPath: outputPath) ?? Data()
        return String(decoding: output.suffix(2_000), as: UTF8.self)
    }

    private func isRunning(_ start: Int) -> Bool { state.withLock { $0.starts == start && $0.pid != nil } }

    /// - Returns: The number of the start.
    private func spawn() throws -> Int {
        guard pid == nil else { throw ServerFailure("\(program) is running") }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
        // The kernel kills it when the thread that started it ends, which waits for it below.
        process.arguments = folder.owner.arguments + ["--pdeathsig=KILL", program] + arguments
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MARTLET_") }
            .merging(environment.map { ($0.key, $0.value) }) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardInput = FileHandle.nullDevice
        let output = try folder.append(to: outputPath)
        process.standardOutput = output
        process.standardError = output
        let started = DispatchSemaphore(value: 0)
        let failure = Mutex<String?>(nil)
        let number = state.withLock { state in
            state.starts += 1
            return state.starts
        }
        let owned = Mutex<Process?>(process)
        Thread.detachNewThread { [weak self] in
            owned.withLock { process in
                guard let process else { return }
                do {
                    try process.run()
                    self?.state.withLock { $0.pid = process.processIdentifier }
                    started.signal()
                    process.waitUntilExit()
                    self?.state.withLock { state in
                        state.pid = nil
                        state.status = process.terminationStatus
                    }
                } catch {
                    failure.withLock { $0 = "\(error)" }
                    started.signal()
                }
            }
        }
        started.wait()
        if let failure = failure.withLock({ $0 }) { throw ServerFailure("cannot start \(program): \(failure)") }
        return number
    }
}

/// Outside of the type, whose `kill` has another meaning.
private func send(_ signal: Int32, to pid: pid_t) { kill(pid, signal) }

/// A server of a test did not do what the test needs.
package struct ServerFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
