import Console
import Foundation
import MartletTesting
import Testing

@testable import CLI

@Suite("Topology")
struct TopologyTests {
    /// A system that is not a shop.
    static let mill = Data(
        """
        {
          "name": "mill",
          "processes": [
            {"program": "gated", "services": ["gate"], "listeners": ["http"], "hasPublicHTTP": true, "hasDatabase": false},
            {"program": "grindd", "services": ["grind"], "consumes": ["mill.grain.v1.sacks"]},
            {"program": "logd", "services": ["eventlog"]}
          ],
          "singleProcess": "mill",
          "roles": [
            {"name": "miller", "subject": "id", "about": "A miller.", "scopes": ["grain:read"]},
            {"name": "owner", "about": "The owner.", "scopes": ["grain:write"]}
          ],
          "commands": [{"name": "weigh", "run": ["mill-scales", "weigh"], "about": "Weighs."}],
          "methods": [
            {"service": "scales", "name": "mill.scales.v1.Scales/Weigh", "users": "NOBODY", "callers": ["grind for users"]},
            {"service": "bins", "name": "mill.bins.v1.Bins/Open", "users": "ANYBODY", "callers": ["ANY_SERVICE"]},
            {"service": "grind", "name": "mill.grind.v1.Grind/Grind", "users": "ANYBODY", "callers": ["NONE"]}
          ],
          "endpoints": [{"service": "grind", "verb": "POST", "path": "/hooks/{sender}", "users": "hooks:send"}]
        }
        """.utf8
    )

    private func mill() throws -> Topology { try Topology(json: Self.mill) }

    @Test("what a process does not state has a default")
    func defaults() throws {
        let grind = try mill().processes[1]
        #expect(grind.listeners == [.http, .grpc, .operate])
        #expect(!grind.hasPublicHTTP && grind.hasDatabase)
        let mill = try mill()
        #expect(mill.processes.map { mill.servesOperators($0.services[0]) } == [false, true, true])
    }

    @Test("a service calls those whose contracts admit it, and the event log; the gateway calls none")
    func callees() throws {
        let mill = try mill()
        #expect(mill.callees(of: "grind") == ["bins", "eventlog", "scales"])
        #expect(mill.callees(of: "eventlog") == ["bins"])
        #expect(mill.callees(of: "gate") == [] && mill.callees(of: "unknown") == [])
    }

    @Test("one process for all services has the listeners of all")
    func singleProcess() throws {
        let members = try mill().members(singleProcess: true)
        #expect(members.map(\.program) == ["mill"])
        #expect(members[0].services == ["gate", "grind", "eventlog"])
        #expect(members[0].listeners == [.http, .grpc, .operate])
        #expect(members[0].hasPublicHTTP && members[0].hasDatabase)
        #expect(try mill().members(singleProcess: false) == mill().processes)
    }

    @Test("a topology without such a program refuses --single-process")
    func noSingleProcess() throws {
        let topology = try Topology(json: Data(#"{"name": "a", "processes": [{"program": "b", "services": []}]}"#.utf8))
        let failure = try #require(throws: CommandFailure.self) { try topology.members(singleProcess: true) }
        #expect(failure.status == CommandStatus.usage)
    }

    @Test("is printed as it can be read")
    func printed() throws {
        #expect(try Topology(json: try JSONEncoder().encode(try mill())) == mill())
    }

    @Test(
        "an error names the file and what is wrong",
        arguments: [
            (#"{}"#, "name"), (#"{"name": "a", "processes": []}"#, "no process"),
            (
                #"{"name": "a", "processes": [{"program": "b", "services": []}, {"program": "b", "services": []}]}"#,
                "twice: b"
            ),
            (#"{"name": "a", "processes": [{"program": "../b", "services": []}]}"#, "../b"),
            (
                #"{"name": "a", "processes": [{"program": "b", "services": []}], "commands": [{"name": "c", "run": [], "about": ""}]}"#,
                "c"
            ),
            (#"{"name": "a", "processes": [{"program": "b", "services": []}], "role": []}"#, "unknown key: role"),
            (
                #"{"name": "a", "processes": [{"program": "b", "services": []}, {"program": "c", "services": [], "hasDatabse": false}]}"#,
                "unknown key: processes[1].hasDatabse"
            ),
            (
                #"{"name": "a", "processes": [{"program": "b", "services": [], "consume": ["t"]}]}"#,
                "unknown key: processes[0].consume"
            ),
            (
                #"{"name": "a", "processes": [{"program": "b", "services": []}], "roles": [{"name": "r", "about": "", "scopes": [], "subjct": "id"}]}"#,
                "unknown key: roles[0].subjct"
            ),
        ]
    )
    func invalid(_ text: String, _ what: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("martlet.json")
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let failure = try #require(throws: CommandFailure.self) { try Topology.read(path) }
        #expect(failure.description.hasPrefix(path) && failure.description.contains(what), "\(failure.description)")
        #expect(failure.status == CommandStatus.usage)
    }

    @Test("comes from the flag, else from the variable, else from the nearest folder above the programs")
    func found() throws {
        let folder = try TemporaryFolder()
        let programs = folder.file("build/release")
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        let variable = ["MARTLET_TOPOLOGY": "variable"]
        #expect(try Topology.path(["up", "--topology", "flag"], variable, programs: programs) == "flag")
        #expect(try Topology.path(["up", "--topology=flag"], variable, programs: programs) == "flag")
        #expect(try Topology.path(["up", "--", "--topology", "flag"], variable, programs: programs) == "variable")

        let above = folder.file("martlet.json")
        try Self.mill.write(to: URL(fileURLWithPath: above))
        #expect(try Topology.path([], [:], programs: programs) == above)
        try Self.mill.write(to: URL(fileURLWithPath: "\(programs)/martlet.json"))
        #expect(try Topology.path([], ["MARTLET_TOPOLOGY": ""], programs: programs) == "\(programs)/martlet.json")
    }

    @Test("each role has a flag of `martlet token`, with a value when the role names a subject")
    func roles() throws {
        let roles = RoleArguments(roles: try mill().roles)
        #expect(
            try roles.rewritten(["token", "--miller", "ann", "--ttl", "1h"])
                == ["token", "--role", "miller=ann", "--ttl", "1h"]
        )
        #expect(try roles.rewritten(["token", "--miller=a=b"]) == ["token", "--role", "miller=a=b"])
        #expect(try roles.rewritten(["token", "--owner"]) == ["token", "--role", "owner"])
        #expect(try roles.rewritten(["up", "--owner"]) == ["up", "--owner"])
        for arguments in [["token", "--miller"], ["token", "--miller", "--owner"]] {
            let failure = try #require(throws: CommandFailure.self) { try roles.rewritten(arguments) }
            #expect(failure.description == "Missing value for '--miller <id>'")
            #expect(failure.status == CommandStatus.usage)
        }
    }

    @Test("a command of the system runs its program with the same arguments")
    func commands() throws {
        let mill = try mill()
        let weigh = try #require(SystemCommand(["weigh", "sack", "--json"], in: mill))
        #expect(weigh.program == "mill-scales")
        #expect(weigh.arguments == ["weigh", "sack", "--json"])
        #expect(SystemCommand(["help", "weigh"], in: mill)?.arguments == ["weigh", "--help"])
        #expect(SystemCommand(["up"], in: mill) == nil)
        #expect(SystemCommand([], in: mill) == nil)
        let folder = try TemporaryFolder()
        let failure = try #require(throws: CommandFailure.self) { try weigh.replaceThisProcess(in: folder.path) }
        #expect(failure.description.contains("mill-scales cannot be started"))
        #expect(failure.status == CommandStatus.usage)
    }

    @Test("lists in help texts fit into 80 columns")
    func list() {
        let long = String(repeating: "word ", count: 30)
        let text = HelpList.text([(left: "--a", right: long), (left: "--bcd <id>", right: "short")])
        let lines = text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 79 })
        #expect(lines.first?.hasPrefix("  --a         word") == true)
        #expect(lines.last == "  --bcd <id>  short")
    }
}
