import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The server or the client of the echo benchmark; `Scripts/benchmarks/rpc` starts both and reads their output.
///
/// The server prints its port, then for each line on standard input the microseconds of processor time that it has used
/// so far. The client reads a number of calls per line, makes them, and prints the microseconds of processor time used.
/// Both exit at the end of their input.
@main
enum RPCEcho {
    /// Bytes of the text in a request; with tag and length the message has 40 bytes.
    static let textBytes = 38
    static let inFlight = 64

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let wire = arguments.dropFirst().first.flatMap(Wire.init(rawValue:))
        switch (arguments.first, wire, arguments.dropFirst(2).compactMap { Int($0) }) {
        case ("server", let wire?, []): try await serve(wire)
        case ("client", let wire?, let numbers) where numbers.count == 1:
            try await call(wire, port: numbers[0])
        default:
            writeLine("usage: rpc-echo server martlet|grpc-swift\n       rpc-echo client martlet|grpc-swift PORT")
            exit(64)
        }
    }

    private static func serve(_ wire: Wire) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await wire.serve { writeLine("\($0)") } }
            while try await line() != nil { writeLine("\(Usage.now.microseconds)") }
            exit(0)
        }
    }

    private static func call(_ wire: Wire, port: Int) async throws {
        let text = Text(String(repeating: "x", count: textBytes))
        try await wire.withCalls(port) { call in
            while let line = try await line() {
                guard let calls = Int(line) else { continue }
                let before = Usage.now.microseconds
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for _ in 0..<inFlight {
                        tasks.addTask {
                            for _ in 0..<calls / inFlight {
                                let response = try await call(text)
                                precondition(response == text, "the response differs from the request")
                            }
                        }
                    }
                    try await tasks.waitForAll()
                }
                writeLine("\(Usage.now.microseconds - before)")
            }
        }
        exit(0)
    }

    /// The next line of standard input, read on a thread that may block.
    private static func line() async throws -> String? {
        try await NIOThreadPool.singleton.runIfActive { readLine() }
    }

    private static func writeLine(_ text: String) {
        print(text)
        fflush(nil)
    }
}
