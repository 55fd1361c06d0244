// swift-tools-version: 6.2
import PackageDescription

let martlet = "martlet"

let package = Package(
    name: "links",
    dependencies: [
        .package(name: martlet, path: "../.."),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
    ],
    targets: [
        .target(
            name: "LinksContract",
            dependencies: [
                .product(name: "Martlet", package: martlet), .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]
        ),
        .target(name: "Links", dependencies: ["LinksContract", .product(name: "Martlet", package: martlet)]),
        .executableTarget(
            name: "linksd",
            dependencies: ["Links", .product(name: "MartletDaemon", package: martlet)]
        ),
        .executableTarget(
            name: "hostsd",
            dependencies: ["Links", .product(name: "MartletDaemon", package: martlet)]
        ),
        .testTarget(
            name: "LinksTests",
            dependencies: [
                "Links", .product(name: "MartletTesting", package: martlet),
                .product(name: "MartletSimulation", package: martlet),
            ]
        ),
    ]
)
