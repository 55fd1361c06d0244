package import Foundation
import MartletHost

extension Topology {
    /// The name of the file.
    package static let fileName = "martlet.json"
    package static let variable = "MARTLET_TOPOLOGY"
    package static let flag = "--topology"
    /// How many folders above the programs' are searched: `.build/<platform>/<configuration>` is three deep.
    private static let foldersLimit = 6

    /// The topology of this program's system, read once.
    package static let installed: Result<Topology, CommandFailure> = {
        do throws(CommandFailure) {
            let environment = ProcessInfo.processInfo.environment
            return .success(try read(try path(CommandLine.arguments, environment, programs: try Programs.folder())))
        } catch {
            return .failure(error)
        }
    }()

    /// What the system is called in texts.
    package static var systemName: String { (try? installed.get().name) ?? "system" }

    /// The file's path: from the flag, from the variable, or in the folder of the programs or in one above it.
    ///
    /// - Throws: ``CommandFailure`` when there is none.
    package static func path(
        _ arguments: [String],
        _ environment: [String: String],
        programs: String
    ) throws(CommandFailure) -> String {
        for (index, argument) in arguments.prefix(while: { $0 != "--" }).enumerated() {
            if argument == flag, index + 1 < arguments.count { return arguments[index + 1] }
            if argument.hasPrefix("\(flag)=") { return String(argument.dropFirst(flag.count + 1)) }
        }
        if let path = environment[variable], !path.isEmpty { return path }
        var folder = URL(fileURLWithPath: programs)
        for _ in 0..<foldersLimit {
            let path = folder.appendingPathComponent(fileName).path
            if FileManager.default.fileExists(atPath: path) { return path }
            folder.deleteLastPathComponent()
        }
        throw CommandFailure(
            "\(fileName) is neither beside \(programs)/martlet nor in a folder above: name the file with \(flag)",
            status: CommandStatus.usage
        )
    }

    /// - Throws: ``CommandFailure`` when the file is missing or is not a topology; it names the error.
    package static func read(_ path: String) throws(CommandFailure) -> Topology {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("\(path): cannot be read", status: CommandStatus.usage)
        }
        do {
            return try Topology(json: data)
        } catch let failure as CommandFailure {
            throw CommandFailure("\(path): \(failure.description)", status: CommandStatus.usage)
        } catch {
            throw CommandFailure("\(path): is not a topology: \(ErrorText.plain(error))", status: CommandStatus.usage)
        }
    }

    /// - Throws: A `DecodingError`; ``CommandFailure`` for a rule that the topology breaks.
    package init(json: Data) throws {
        self = try JSONDecoder().decode(Topology.self, from: json)
        try check("an unknown key", Self.unknownKeys(of: json, besides: try JSONEncoder().encode(self)))
        try check("no process", processes.isEmpty ? ["processes"] : [])
        try check(
            "more than one process with the public HTTP listener",
            processes.filter(\.hasPublicHTTP).dropFirst().map(\.program)
        )
        try check("a name that is listed twice", Self.repeated(processes.map(\.program)))
        try check("a name that is listed twice", Self.repeated(processes.flatMap(\.services)))
        try check("a name that is listed twice", Self.repeated(roles.map(\.name) + commands.map(\.name)))
        try check(
            "a program that is not a file name",
            (processes.map(\.program) + commands.flatMap { $0.run.prefix(1) }).filter { $0.isEmpty || $0.contains("/") }
        )
        try check("a command without a program", commands.filter(\.run.isEmpty).map(\.name))
    }

    private func check(_ rule: String, _ broken: [String]) throws(CommandFailure) {
        if let first = broken.first { throw CommandFailure("\(rule): \(first)") }
    }

    /// The paths of keys in `json` that the same topology in `complete` does not have.
    ///
    /// Without this check a misspelt key would be ignored, and its value would be the default.
    private static func unknownKeys(of json: Data, besides complete: Data) throws -> [String] {
        unknownKeys(
            of: try JSONSerialization.jsonObject(with: json),
            besides: try JSONSerialization.jsonObject(with: complete),
            at: ""
        )
    }

    private static func unknownKeys(of found: Any, besides known: Any, at path: String) -> [String] {
        if let found = found as? [Any], let known = known as? [Any] {
            return zip(found, known).enumerated().flatMap { index, pair -> [String] in
                unknownKeys(of: pair.0, besides: pair.1, at: "\(path)[\(index)]")
            }
        }
        guard let found = found as? [String: Any], let known = known as? [String: Any] else { return [] }
        return found.sorted { $0.key < $1.key }.flatMap { key, value -> [String] in
            let here = path.isEmpty ? key : "\(path).\(key)"
            // null means that the key is left out.
            if value is NSNull { return [] }
            guard let other = known[key] else { return [here] }
            return unknownKeys(of: value, besides: other, at: here)
        }
    }

    private static func repeated(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { !seen.insert($0).inserted }
    }
}

// What the file may leave out has a default.

extension Topology: Decodable {
    private enum Key: String, CodingKey {
        case name, processes, singleProcess, roles, commands, examples, topics, scopes, methods, endpoints
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        name = try values.decode(String.self, forKey: .name)
        processes = try values.decode([Member].self, forKey: .processes)
        singleProcess = try values.decodeIfPresent(String.self, forKey: .singleProcess)
        roles = try values.decodeIfPresent([Role].self, forKey: .roles) ?? []
        commands = try values.decodeIfPresent([Command].self, forKey: .commands) ?? []
        examples = try values.decodeIfPresent([Example].self, forKey: .examples) ?? []
        topics = try values.decodeIfPresent([Topic].self, forKey: .topics) ?? []
        scopes = try values.decodeIfPresent([Scope].self, forKey: .scopes) ?? []
        methods = try values.decodeIfPresent([Method].self, forKey: .methods) ?? []
        endpoints = try values.decodeIfPresent([Endpoint].self, forKey: .endpoints) ?? []
    }
}

extension Topology.Member: Decodable {
    private enum Key: String, CodingKey {
        case program, services, listeners, hasPublicHTTP, hasDatabase, consumes
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        program = try values.decode(String.self, forKey: .program)
        services = try values.decode([String].self, forKey: .services)
        listeners =
            try values.decodeIfPresent([Topology.Listener].self, forKey: .listeners) ?? Topology.Listener.allCases
        hasPublicHTTP = try values.decodeIfPresent(Bool.self, forKey: .hasPublicHTTP) ?? false
        hasDatabase = try values.decodeIfPresent(Bool.self, forKey: .hasDatabase) ?? true
        consumes = try values.decodeIfPresent([String].self, forKey: .consumes) ?? []
    }
}
