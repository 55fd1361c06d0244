import Glibc
public import MartletCore

/// The file in which a supervisor writes down what runs where.
///
/// ```json
/// {
///   "version": 1,
///   "services": {
///     "orders": [{"id": "orders-1", "http": "127.0.0.1:9001", "grpc": "127.0.0.1:9002", "operate": "127.0.0.1:9003"}]
///   }
/// }
/// ```
public enum RegistryFile {
    public static let bytesLimit = 1 << 20

    /// What is wrong with a registry file, and where.
    public struct Bad: FaultConvertible, Equatable, CustomStringConvertible {
        public let path: String
        /// From 1; 0 when the file as a whole is meant.
        public let line: Int
        /// As in `services.orders[0].grpc`; empty when the file as a whole is meant.
        public let key: String
        public let message: String

        public var description: String {
            "\(path)\(line > 0 ? ":\(line)" : ""): \(key.isEmpty ? "" : "\(key) ")\(message)"
        }

        public var fault: Fault {
            Fault(.unavailable, .unavailable, "the registry cannot be read", retryAfter: .seconds(1), cause: self)
        }
    }

    /// Writes `services` so that a reader sees the old or the new file, never a part.
    ///
    /// - Throws: ``Bad``.
    public static func write(_ services: [String: [Instance]], to path: String) throws(Bad) {
        let temporary = "\(path).\(getpid()).new"
        guard let file = fopen(temporary, "w") else { throw failure(temporary, "cannot be written") }
        let text = Array(render(services).utf8)
        let written = fwrite(text, 1, text.count, file)
        let flushed = fflush(file) == 0 && fsync(fileno(file)) == 0
        guard fclose(file) == 0, flushed, written == text.count else { throw failure(temporary, "cannot be written") }
        guard rename(temporary, path) == 0 else { throw failure(path, "cannot be replaced") }
    }

    static func render(_ services: [String: [Instance]]) -> String {
        let lines = services.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { service, instances in
            let items = instances.sorted().map { instance in
                let addresses = [("http", instance.http), ("grpc", instance.grpc), ("operate", instance.operate)]
                let fields = addresses.compactMap { name, address in address.map { ", \"\(name)\": \"\($0)\"" } }
                return "      {\"id\": \"\(instance.id)\"\(fields.joined())}"
            }
            return "    \"\(service)\": [\n\(items.joined(separator: ",\n"))\n    ]"
        }
        return "{\n  \"version\": 1,\n  \"services\": {\n\(lines.joined(separator: ",\n"))\n  }\n}\n"
    }

    /// - Throws: ``Bad`` with the line and the key of the first fault.
    public static func read(_ path: String) throws(Bad) -> [String: [Instance]] {
        guard let file = fopen(path, "r") else { throw failure(path, "cannot be opened") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: bytesLimit + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { throw failure(path, "cannot be read") }
        guard count <= bytesLimit else {
            throw Bad(path: path, line: 0, key: "", message: "is over \(bytesLimit) bytes")
        }
        do {
            return try parse(Array(bytes.prefix(count)), path)
        } catch let bad as Bad {
            throw bad
        } catch let fault as LocatedJSON.Fault {
            throw Bad(path: path, line: fault.line, key: "", message: fault.message)
        } catch {
            throw Bad(path: path, line: 0, key: "", message: "cannot be read: \(error)")
        }
    }

    static func parse(_ bytes: [UInt8], _ path: String) throws -> [String: [Instance]] {
        let root = try LocatedJSON.parse(bytes)
        func bad(_ value: LocatedJSON, _ key: String, _ message: String) -> Bad {
            Bad(path: path, line: value.line, key: key, message: message)
        }
        guard case .object(let members) = root.value else { throw bad(root, "", "must be an object") }
        var services: [String: [Instance]] = [:]
        var version: LocatedJSON?
        for (key, value) in members {
            switch key {
            case "version": version = value
            case "services":
                guard case .object(let entries) = value.value else { throw bad(value, key, "must be an object") }
                for (service, list) in entries {
                    let name = "services.\(service)"
                    guard case .array(let items) = list.value else { throw bad(list, name, "must be a list") }
                    let instances = try items.enumerated().map { try instance($1, "\(name)[\($0)]", path) }
                    guard Set(instances.map(\.id)).count == instances.count else {
                        throw bad(list, name, "has an id twice")
                    }
                    services[service] = instances.sorted()
                }
            default: throw bad(value, key, "is unknown")
            }
        }
        guard let version, case .word("1") = version.value else {
            throw bad(version ?? root, "version", "must be 1")
        }
        return services
    }

    private static func instance(_ item: LocatedJSON, _ name: String, _ path: String) throws(Bad) -> Instance {
        func bad(_ value: LocatedJSON, _ key: String, _ message: String) -> Bad {
            Bad(path: path, line: value.line, key: key, message: message)
        }
        guard case .object(let members) = item.value else { throw bad(item, name, "must be an object") }
        var id = ""
        var addresses: [String: Address] = [:]
        for (key, value) in members {
            guard case .string(let text) = value.value else { throw bad(value, "\(name).\(key)", "must be a string") }
            switch key {
            case "id": id = text
            case "http", "grpc", "operate":
                guard let address = Address(text) else { throw bad(value, "\(name).\(key)", "must be host:port") }
                addresses[key] = address
            default: throw bad(value, "\(name).\(key)", "is unknown")
            }
        }
        guard !id.isEmpty else { throw bad(item, "\(name).id", "is missing") }
        return Instance(id: id, http: addresses["http"], grpc: addresses["grpc"], operate: addresses["operate"])
    }

    private static func failure(_ path: String, _ what: String) -> Bad {
        Bad(path: path, line: 0, key: "", message: "\(what): \(String(cString: strerror(errno)))")
    }
}
